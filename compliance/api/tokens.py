"""Tokens of one's own and machines' accounts, for programs that set up programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, ScopedReference, asker
from compliance.choices import choices
from compliance.rights import Verb
from compliance.services import machines, tokens
from compliance.types.drafts import JSON
from compliance.types.states import Role

SYSTEMS = m.AISystem.objects.all()


class TokenSerializer(serializers.ModelSerializer[m.TokenScope]):
    """A token without its secret."""

    owner = serializers.UUIDField(source="token.user.uuid", read_only=True)
    key = serializers.CharField(source="token.token_key", read_only=True)
    ends_at = serializers.DateTimeField(source="token.expiry", read_only=True)
    verbs = serializers.ListField(child=serializers.CharField(), allow_null=True, read_only=True)
    systems: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="uuid", many=True, read_only=True
    )

    class Meta:
        model = m.TokenScope
        fields = (
            "uuid", "name", "key", "owner", "verbs", "limits_systems", "systems", "created_at", "ends_at",
            "last_used_at",
        )  # fmt: skip


class TokenRequest(serializers.Serializer[JSON]):
    """A new token; what is left out is not limited."""

    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=tokens.LONGEST_DAYS)
    verbs = serializers.ListField(
        child=serializers.ChoiceField(choices=[verb.name for verb in Verb]),
        required=False,
        allow_null=True,
        default=None,
    )
    systems = ScopedReference(queryset=SYSTEMS, many=True, required=False, allow_null=True, default=None)

    @property
    def terms(self) -> tokens.TokenTerms:
        """What was asked for, once valid."""
        given = self.validated_data
        return tokens.TokenTerms(
            name=given["name"],
            days=given["days"],
            verbs=None if given["verbs"] is None else frozenset(Verb[name] for name in given["verbs"]),
            systems=None if given["systems"] is None else tuple(given["systems"]),
        )


class NewTokenSerializer(TokenSerializer):
    """A token with its secret, which no later answer holds."""

    secret = serializers.CharField(read_only=True)

    class Meta:
        model = m.TokenScope
        fields = (*TokenSerializer.Meta.fields, "secret")


def _made(request: Request, owner: m.User, context: Mapping[str, Any]) -> Response:
    asked = TokenRequest(data=request.data, context=context)
    asked.is_valid(raise_exception=True)
    scope, secret = tokens.create(owner=owner, terms=asked.terms, actor=asker(request))
    answer = Response(TokenSerializer(scope).data | {"secret": secret}, status=status.HTTP_201_CREATED)
    answer["Cache-Control"] = "no-store"
    return answer


class TokenViewSet(mixins.DestroyModelMixin, ReadViewSet):
    """One's own tokens, and for administrators those of machines."""

    queryset = m.TokenScope.objects.select_related("token__user").prefetch_related("systems")
    serializer_class = TokenSerializer
    verbs: ClassVar = {"GET": Verb.OWN_TOKENS, "POST": Verb.OWN_TOKENS, "DELETE": Verb.OWN_TOKENS}

    @extend_schema(request=TokenRequest, responses={201: NewTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token of one's own. By a token: none that is stronger or lives longer than it."""
        return _made(request, asker(request), self.get_serializer_context())

    def perform_destroy(self, instance: m.TokenScope) -> None:
        """End the token."""
        tokens.revoke(scope=instance, actor=asker(self.request))


class MachineSerializer(serializers.ModelSerializer[m.User]):
    """A machine's account."""

    owner: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="uuid", read_only=True)

    class Meta:
        model = m.User
        fields = ("uuid", "name", "role", "owner", "is_active", "created_at", "deactivated_at")


class MachineRequest(serializers.Serializer[JSON]):
    """A new machine."""

    name = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(choices=choices(Role))
    owner = ScopedReference(queryset=m.User.objects.filter(owner__isnull=True))
    systems = ScopedReference(queryset=SYSTEMS, many=True, required=False, default=list)


class MachineViewSet(ReadViewSet):
    """Accounts of machines."""

    queryset = m.User.objects.filter(owner__isnull=False).select_related("owner")
    serializer_class = MachineSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_PEOPLE, "POST": Verb.MANAGE_PEOPLE}
    action_verbs: ClassVar = {"tokens": Verb.MANAGE_PEOPLE}

    @extend_schema(request=MachineRequest, responses={201: MachineSerializer})
    def create(self, request: Request) -> Response:
        """Add a machine, with a person who answers for it."""
        asked = MachineRequest(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        given = asked.validated_data | {"role": Role(asked.validated_data["role"])}
        machine = machines.create(**given, actor=asker(request))
        return Response(MachineSerializer(machine).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TokenRequest, responses={201: NewTokenSerializer})
    @action(detail=True, methods=["post"])
    def tokens(self, request: Request, uuid: str) -> Response:
        """Make a token of the machine's."""
        return _made(request, self.get_object(), self.get_serializer_context())
