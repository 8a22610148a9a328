"""Who asks by token, with the limits of that token."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from compliance.models import TokenScope, User
from compliance.services import tokens
from compliance.types.scopes import Scope


class ScopedTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox ships no types
    """Knox's check of the digest; the person then carries the token's limits wherever rights are asked."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        """The owner and the token. Raises AuthenticationFailed, for bytes that are no text as well."""
        try:
            user, found = super().authenticate_credentials(token)
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid token.") from error
        scope = TokenScope.objects.filter(token=found).select_related("token").first()
        user.token_scope = Scope(token=found.token_key, until=found.expiry) if scope is None else scope.limits()
        if scope is not None:
            tokens.used(scope)
        return user, found


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description names it."""

    target_class = "compliance.api.authentication.ScopedTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A header with a prefix of its own."""
        return build_bearer_security_scheme_object(header_name="Authorization", token_prefix="Token")  # noqa: S106
