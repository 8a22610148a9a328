"""Routes of the API."""

from __future__ import annotations

from typing import ClassVar

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin

from compliance.api import (
    assessments,
    audit_findings,
    audit_requests,
    capacity,
    completeness,
    control_tests,
    controls,
    engagements,
    held,
    ledger,
    mappings,
    notices,
    populations,
    records,
    remediation,
    remediation_desk,
    remediation_figures,
    remediation_plans,
    retention,
    risks,
    samples,
    statements,
    subjects,
    suppliers,
    time_limits,
    tokens,
    trail,
    verification,
)
from compliance.rights import Verb


class ApiRouter(SimpleRouter):
    """Names start with `api-`: `evidence-list` is the page, `api-evidence-list` the endpoint."""

    def get_default_basename(self, viewset: type[ViewSetMixin]) -> str:
        """The model's name, marked as the API's."""
        return f"api-{super().get_default_basename(viewset)}"


router = ApiRouter(use_regex_path=False)
router.register("systems", records.SystemViewSet, basename="api-systems")
router.register("model-versions", records.ModelVersionViewSet, basename="api-model-versions")
router.register("dataset-versions", records.DatasetVersionViewSet, basename="api-dataset-versions")
router.register("techniques", records.TechniqueViewSet, basename="api-techniques")
router.register("questions", records.QuestionViewSet, basename="api-questions")
router.register("reference-controls", records.ReferenceControlViewSet, basename="api-reference-controls")
router.register("mappings", mappings.MappingViewSet, basename="api-mappings")
router.register("controls", controls.ImplementedControlViewSet, basename="api-controls")
router.register("statements", statements.StatementViewSet, basename="api-statements")
router.register("assessments", assessments.AssessmentViewSet, basename="api-assessments")
router.register("engagements", engagements.EngagementViewSet, basename="api-engagements")
router.register("populations", populations.PopulationViewSet, basename="api-populations")
router.register("control-tests", control_tests.ControlTestViewSet, basename="api-control-tests")
router.register("samples", samples.SampleViewSet, basename="api-samples")
router.register("sampled-instances", samples.SampledInstanceViewSet, basename="api-sampled-instances")
router.register("audit-findings", audit_findings.AuditFindingViewSet, basename="api-audit-findings")
router.register("audit-requests", audit_requests.AuditRequestViewSet, basename="api-audit-requests")
router.register("request-lists", audit_requests.RequestListViewSet, basename="api-request-lists")
router.register("answers", assessments.AnswerViewSet, basename="api-answers")
router.register("evidence", assessments.EvidenceViewSet, basename="api-evidence")
router.register("job-events", records.JobEventViewSet, basename="api-job-events")
router.register("job-bindings", held.JobBindingViewSet, basename="api-job-bindings")
router.register("binding-rules", held.BindingRuleViewSet, basename="api-binding-rules")
router.register("job-approvals", held.JobApprovalViewSet, basename="api-job-approvals")
router.register("check-runs", held.CheckRunViewSet, basename="api-check-runs")
router.register("access-reviews", held.AccessReviewViewSet, basename="api-access-reviews")
router.register("completeness-readings", completeness.ReadingViewSet, basename="api-completeness-readings")
router.register("platform-documents", completeness.DocumentViewSet, basename="api-platform-documents")
router.register("key-comparisons", completeness.ComparisonViewSet, basename="api-key-comparisons")
router.register("observations", records.ObservationViewSet, basename="api-observations")
router.register("suppliers", suppliers.SupplierViewSet, basename="api-suppliers")
router.register("findings", records.FindingViewSet, basename="api-findings")
router.register("risks", risks.RiskViewSet, basename="api-risks")
router.register("risk-acceptances", risks.AcceptanceViewSet, basename="api-risk-acceptances")
router.register("waivers", risks.WaiverViewSet, basename="api-waivers")
router.register("closings", risks.ClosingViewSet, basename="api-closings")
router.register("remediation-comments", remediation_desk.CommentViewSet, basename="api-remediation-comments")
router.register("saved-filters", remediation_desk.SavedFilterViewSet, basename="api-saved-filters")
router.register("bulk-edits", remediation_desk.BulkEditViewSet, basename="api-bulk-edits")
router.register("remediation-figures", remediation_figures.FigureViewSet, basename="api-remediation-figures")
router.register("remediation-summaries", remediation_figures.SummaryViewSet, basename="api-remediation-summaries")
router.register("remediation-items", remediation.RemediationViewSet, basename="api-remediation-items")
router.register("baselines", remediation_plans.BaselineViewSet, basename="api-baselines")
router.register("plan-updates", remediation_plans.PlanUpdateViewSet, basename="api-plan-updates")
router.register("work-entries", remediation_plans.WorkEntryViewSet, basename="api-work-entries")
router.register("dependencies", remediation_plans.DependencyViewSet, basename="api-dependencies")
router.register("teams", capacity.TeamViewSet, basename="api-teams")
router.register("capacities", capacity.CapacityViewSet, basename="api-capacities")
router.register("leaves", capacity.LeaveViewSet, basename="api-leaves")
router.register("cost-rates", capacity.CostRateViewSet, basename="api-cost-rates")
router.register("packs", records.PackViewSet, basename="api-packs")
router.register("pack-handovers", records.HandoverViewSet, basename="api-pack-handovers")
router.register("subjects", subjects.SubjectViewSet, basename="api-subjects")
router.register("people", subjects.PersonViewSet, basename="api-people")
router.register("retention-terms", retention.TermsViewSet, basename="api-retention-terms")
router.register("legal-holds", retention.HoldViewSet, basename="api-legal-holds")
router.register("disposal-runs", retention.DisposalRunViewSet, basename="api-disposal-runs")
router.register("tombstones", retention.TombstoneViewSet, basename="api-tombstones")
router.register("rehash-runs", retention.RehashRunViewSet, basename="api-rehash-runs")
router.register("file-checks", retention.FileCheckViewSet, basename="api-file-checks")
router.register("sla-policies", time_limits.SlaPolicyViewSet, basename="api-sla-policies")
router.register("business-calendars", time_limits.CalendarViewSet, basename="api-business-calendars")
router.register("sla-clocks", time_limits.ClockViewSet, basename="api-sla-clocks")
router.register("nightly-runs", time_limits.NightlyRunViewSet, basename="api-nightly-runs")
router.register("notices", notices.NoticeViewSet, basename="api-notices")
router.register("webhooks", notices.WebhookViewSet, basename="api-webhooks")
router.register("webhook-deliveries", notices.DeliveryViewSet, basename="api-webhook-deliveries")
router.register("jobs", records.JobViewSet, basename="api-jobs")
router.register("trail", trail.TrailViewSet, basename="api-trail")
router.register("ledger/checkpoints", ledger.CheckpointViewSet, basename="api-ledger-checkpoints")
router.register("ledger/events", ledger.LedgerEventViewSet, basename="api-ledger-events")
router.register("tokens", tokens.TokenViewSet, basename="api-tokens")
router.register("machines", tokens.MachineViewSet, basename="api-machines")


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for whoever is signed in."""

    verbs: ClassVar = {"GET": Verb.OWN_TOKENS}


class SwaggerView(SpectacularSwaggerSplitView):
    """The same document as a page; nothing is loaded from elsewhere."""

    template_name = "compliance/api_docs.html"
    verbs: ClassVar = {"GET": Verb.OWN_TOKENS}


urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("ledger/consistency/", ledger.ConsistencyView.as_view(), name="api-ledger-consistency"),
    path("verify/", verification.VerifyView.as_view(), name="api-verify"),
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", SwaggerView.as_view(url_name="api-schema"), name="api-docs"),
]
