"""Endpoints of remediation items: opened, given to people, planned, worked on and closed."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, asker
from compliance.api.remediation_requests import (
    AssignRequest,
    AttachmentRequest,
    BaselineDecisionRequest,
    BaselineRequest,
    DependencyRequest,
    MilestoneDraftSerializer,
    MoveRequest,
    PlanRequest,
    PlaybookRequest,
    RemediationRequest,
    ReviseRequest,
    WorkRequest,
)
from compliance.api.requests import EvidenceReference, TicketRequest
from compliance.api.risks import ClosingSerializer
from compliance.api.serializers import EvidenceSerializer, PersonSerializer, UuidField
from compliance.rights import Verb
from compliance.selectors.playbook import programme
from compliance.services import (
    audit_findings,
    baselines,
    closings,
    dependencies,
    evidence,
    plans,
    playbooks,
    remediation,
    tickets,
    work_log,
)
from compliance.services.errors import RefusedError
from compliance.services.plans import PlanChange
from compliance.services.remediation import ItemWords, MilestoneDraft
from compliance.services.work_log import Work
from compliance.types.drafts import JSON
from compliance.types.plans import EffortUnit, Estimate, PlanReason
from compliance.types.states import RemediationState


class MilestoneSerializer(serializers.ModelSerializer[m.Milestone]):
    """A step of a remediation item."""

    class Meta:
        model = m.Milestone
        fields: ClassVar = ["uuid", "title", "due_on", "done_at"]


class RemediationSerializer(serializers.ModelSerializer[m.RemediationItem]):
    """A remediation item: what was planned, what is expected now, and its milestones. Effort in person-days."""

    system = UuidField()
    owner = PersonSerializer(read_only=True)
    team = serializers.CharField(source="team.name", default=None, read_only=True)
    risks = UuidField(many=True)
    milestones = MilestoneSerializer(many=True, read_only=True)
    baseline = UuidField()
    control = UuidField()
    needs = UuidField(many=True)
    estimate_at_completion = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True)
    effort_variance = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True)

    class Meta:
        model = m.RemediationItem
        fields: ClassVar = [
            "uuid", "system", "title", "description", "source", "control", "playbook_task", "owner", "team", "work_role",
            "state", "effort_planned", "effort_spent", "estimate_low", "estimate_likely", "estimate_high", "remaining",
            "estimate_at_completion", "effort_variance", "baseline", "due_on", "original_due_on", "slips", "risks",
            "needs", "milestones", "ticket_key", "ticket_url", "version", "closed_at", "created_at",
        ]  # fmt: skip


class RemediationViewSet(ReadViewSet):
    """Remediation items."""

    queryset = m.RemediationItem.objects.select_related(
        "system", "owner", "team", "baseline", "control"
    ).prefetch_related("risks", "milestones", "needs")
    serializer_class = RemediationSerializer
    filterset_fields: ClassVar = {
        "state": ["exact"], "source": ["exact"], "playbook_task": ["exact"], "owner__uuid": ["exact"],
        "team__uuid": ["exact"], "due_on": ["exact", "lt", "gt"],
    }  # fmt: skip
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.OPEN_REMEDIATION}
    action_verbs: ClassVar = {
        "move": Verb.WORK_REMEDIATION,
        "effort": Verb.WORK_REMEDIATION,
        "plan": Verb.WORK_REMEDIATION,
        "milestones": Verb.WORK_REMEDIATION,
        "baseline": Verb.WORK_REMEDIATION,
        "decide_baseline": Verb.APPROVE_BASELINE,
        "assign": Verb.OPEN_REMEDIATION,
        "revise": Verb.OPEN_REMEDIATION,
        "dependencies": Verb.OPEN_REMEDIATION,
        "playbook": Verb.OPEN_REMEDIATION,
        "attach": Verb.ATTACH_TO_WORK,
        "upload": Verb.ATTACH_TO_WORK,
        "ask_closing": Verb.WORK_REMEDIATION,
        "ticket": Verb.WORK_REMEDIATION,
    }

    def _sent(self, shape: type[serializers.Serializer[JSON]], request: Request) -> JSON:
        payload = shape(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    def _shown(self, row: m.RemediationItem | None = None, code: int = status.HTTP_200_OK) -> Response:
        shown = self.get_queryset().get(pk=row.pk) if row else self.get_object()
        return Response(RemediationSerializer(shown).data, status=code)

    @extend_schema(request=RemediationRequest, responses={201: RemediationSerializer})
    def create(self, request: Request) -> Response:
        """Open a remediation item."""
        payload = RemediationRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        behind = payload.validated_data["audit_finding"]
        if behind is not None:
            row = audit_findings.open_item(audit_finding=behind, plan=payload.plan, actor=asker(request))
        else:
            row = remediation.open_item(origin=payload.origin, plan=payload.plan, actor=asker(request))
        return self._shown(row, status.HTTP_201_CREATED)

    @extend_schema(request=PlaybookRequest, responses={201: RemediationSerializer(many=True)})
    @action(detail=False, methods=["post"])
    def playbook(self, request: Request) -> Response:
        """Open items from tasks of the playbook; all of them or none."""
        given = self._sent(PlaybookRequest, request)
        shipped = programme()
        tasks = [task for key in given["tasks"] if (task := shipped.task(key) if shipped else None)]
        if len(tasks) != len(set(given["tasks"])):
            raise RefusedError("The playbook as it is loaded has no such task, or one is named twice.")
        rows = playbooks.open_tasks(
            system=given["system"], tasks=tasks, owner=given["owner"], team=given["team"], due_on=given["due_on"],
            actor=asker(request),
        )  # fmt: skip
        shown = self.get_queryset().filter(pk__in=[row.pk for row in rows])
        return Response(RemediationSerializer(shown, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=MoveRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, uuid: str) -> Response:
        """Change the state of open work."""
        work, given = self.get_object(), self._sent(MoveRequest, request)
        seen = RemediationState(given["seen"]) if given["seen"] else None
        remediation.move(item=work, state=RemediationState(given["state"]), seen=seen, actor=asker(request))
        return self._shown()

    @extend_schema(request=AssignRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, uuid: str) -> Response:
        """Give it to another person, who has to have the right to work on the system."""
        work, given = self.get_object(), self._sent(AssignRequest, request)
        remediation.assign(item=work, owner=given["owner"], expected_version=given["version"], actor=asker(request))
        return self._shown()

    @extend_schema(request=ReviseRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, uuid: str) -> Response:
        """Other words, team or role."""
        work, given = self.get_object(), self._sent(ReviseRequest, request)
        version = given.pop("version")
        remediation.revise(item=work, words=ItemWords(**given), expected_version=version, actor=asker(request))
        return self._shown()

    @extend_schema(request=PlanRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def plan(self, request: Request, uuid: str) -> Response:
        """Another estimate, remaining effort or due date, with the reason."""
        work, given = self.get_object(), self._sent(PlanRequest, request)
        change = PlanChange(
            estimate=Estimate(low=given["estimate_low"], likely=given["estimate_likely"], high=given["estimate_high"]),
            remaining=given["remaining"],
            due_on=given["due_on"],
            reason=PlanReason(given["reason"]),
            note=given["note"],
        )
        plans.update(item=work, change=change, expected_version=given["version"], actor=asker(request))
        return self._shown()

    @extend_schema(request=BaselineRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def baseline(self, request: Request, uuid: str) -> Response:
        """Propose the plan as it stands as baseline."""
        work, given = self.get_object(), self._sent(BaselineRequest, request)
        baselines.propose(item=work, scope=given["scope"], actor=asker(request))
        return self._shown()

    @extend_schema(request=BaselineDecisionRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"], url_path="baseline/decide")
    def decide_baseline(self, request: Request, uuid: str) -> Response:
        """Approve or refuse the proposed baseline; never by whoever proposed it."""
        work, given = self.get_object(), self._sent(BaselineDecisionRequest, request)
        proposal = m.Baseline.objects.filter(item=work, decision=None).select_related("item").first()
        if proposal is None:
            raise RefusedError("No baseline of this item waits for a decision.")
        baselines.decide(baseline=proposal, **given, actor=asker(request))
        return self._shown()

    @extend_schema(request=WorkRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def effort(self, request: Request, uuid: str) -> Response:
        """Log work."""
        row, given = self.get_object(), self._sent(WorkRequest, request)
        person = given["person"] or asker(request)
        work = Work(**{**given, "person": person, "unit": EffortUnit(given["unit"])})
        work_log.log(item=row, work=work, actor=asker(request))
        return self._shown()

    @extend_schema(request=MilestoneDraftSerializer, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def milestones(self, request: Request, uuid: str) -> Response:
        """One more step."""
        work, given = self.get_object(), self._sent(MilestoneDraftSerializer, request)
        remediation.add_milestone(item=work, draft=MilestoneDraft(**given), actor=asker(request))
        return self._shown()

    @extend_schema(request=DependencyRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def dependencies(self, request: Request, uuid: str) -> Response:
        """The item waits for another; circles are refused."""
        work, given = self.get_object(), self._sent(DependencyRequest, request)
        dependencies.add(item=work, needs=given["needs"], actor=asker(request))
        return self._shown()

    @extend_schema(request=TicketRequest, responses=RemediationSerializer)
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, uuid: str) -> Response:
        """Name the ticket of the same work in another tool; both empty takes it away."""
        work, given = self.get_object(), self._sent(TicketRequest, request)
        tickets.link(item=work, **given, actor=asker(request))
        return self._shown()

    @extend_schema(request=EvidenceReference, responses=EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, uuid: str) -> Response:
        """Attach evidence already collected; of another AI system than the item's it is refused."""
        work, given = self.get_object(), self._sent(EvidenceReference, request)
        link = evidence.link(evidence=given["evidence"], target=work, actor=asker(request), note=given["note"])
        return Response(EvidenceSerializer(link.evidence).data)

    @extend_schema(request={"multipart/form-data": AttachmentRequest}, responses={201: EvidenceSerializer})
    @action(detail=True, methods=["post"])
    def upload(self, request: Request, uuid: str) -> Response:
        """Keep a file as evidence of the item's AI system, and attach it."""
        work, given = self.get_object(), self._sent(AttachmentRequest, request)
        file = given["file"]
        link = evidence.attach_file(
            item=work,
            stream=file.file,
            filename=file.name,
            declared_type=file.content_type or "",
            note=given["note"],
            actor=asker(request),
        )
        return Response(EvidenceSerializer(link.evidence).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={201: ClosingSerializer})
    @action(detail=True, methods=["post"], url_path="closing")
    def ask_closing(self, request: Request, uuid: str) -> Response:
        """Ask for an item to be closed on new evidence; somebody who did not do the work confirms."""
        closing = closings.ask(item=self.get_object(), actor=asker(request))
        return Response(ClosingSerializer(closing).data, status=status.HTTP_201_CREATED)
