"""Settings of people, sessions and signing in, from the environment; `settings.py` takes them over. README.md lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ

from compliance.types.states import Role


def read(env: environ.Env, *, production: bool) -> dict[str, Any]:
    """Every setting of this part, by name."""
    return _people() | _sessions(env, production=production) | _lock(env) | _accounts() | _factors(env) | _provider(env)


def _people() -> dict[str, Any]:
    validation = "django.contrib.auth.password_validation"
    return {
        "AUTH_USER_MODEL": "compliance.User",
        "AUTHENTICATION_BACKENDS": [
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"{validation}.UserAttributeSimilarityValidator"},
            {"NAME": f"{validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
            {"NAME": f"{validation}.CommonPasswordValidator"},
        ],
        "PASSWORD_HASHERS": [
            "django.contrib.auth.hashers.ScryptPasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        ],
        "PASSWORD_RESET_TIMEOUT": 24 * 3600,
        "LOGIN_URL": "sign-in",
        "LOGIN_REDIRECT_URL": "overview",
        "LOGOUT_REDIRECT_URL": "sign-in",
    }


def _sessions(env: environ.Env, *, production: bool) -> dict[str, Any]:
    secure = env.bool("COOKIES_SECURE", default=production)
    return {
        "SESSION_COOKIE_AGE": env.int("SESSION_SECONDS", default=12 * 3600),
        "SESSION_IDLE_SECONDS": env.int("SESSION_IDLE_SECONDS", default=2 * 3600),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SECURE": secure,
        # htmx sends the token from a meta tag; the cookie itself is read by nothing else
        "CSRF_COOKIE_HTTPONLY": False,
    }


def _lock(env: environ.Env) -> dict[str, Any]:
    """Wrong passwords and codes are counted by axes in the database, so that all web processes count together."""
    proxies = env.int("TRUSTED_PROXIES", default=0)
    return {
        "TRUSTED_PROXIES": proxies,
        "ALLAUTH_TRUSTED_PROXY_COUNT": proxies,
        "AXES_CLIENT_IP_CALLABLE": "compliance.web.sign_in_lock.client_address",
        "AXES_FAILURE_LIMIT": 8,
        "AXES_USERNAME_FORM_FIELD": "login",  # what the form posts
        "AXES_USERNAME_CALLABLE": "compliance.web.sign_in_lock.attempted_account",
        "AXES_SENSITIVE_PARAMETERS": ["code", "credential", "oldpassword", "password1", "password2"],
        "AXES_COOLOFF_TIME": 0.25,  # hours
        "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
        "AXES_LOCKOUT_TEMPLATE": "registration/locked_out.html",
        "AXES_ENABLE_ADMIN": False,
        "AXES_VERBOSE": False,
    }


def _accounts() -> dict[str, Any]:
    """django-allauth's account part: people are made by administrators, so nobody signs up and no address is confirmed."""
    return {
        "ACCOUNT_ADAPTER": "compliance.web.sign_in_adapters.AccountAdapter",
        "ACCOUNT_FORMS": {
            "login": "compliance.web.sign_in_forms.SignInForm",
            "change_password": "compliance.web.sign_in_forms.ChangePasswordForm",
            "reset_password": "compliance.web.sign_in_forms.ForgottenPasswordForm",
            "reset_password_from_key": "compliance.web.sign_in_forms.NewPasswordForm",
            "reauthenticate": "compliance.web.sign_in_forms.ConfirmPasswordForm",
        },
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
        "ACCOUNT_LOGIN_METHODS": {"email"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*", "password2*"],
        "ACCOUNT_SIGNUP_ENABLED": False,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
        "ACCOUNT_SESSION_REMEMBER": True,  # for as long as SESSION_SECONDS says
        "ACCOUNT_REAUTHENTICATION_METHODS": ("password", "mfa"),
        "ACCOUNT_RATE_LIMITS": {"login_failed": None},  # axes counts these
    }


def _factors(env: environ.Env) -> dict[str, Any]:
    return {
        "MFA_ADAPTER": "compliance.web.sign_in_adapters.FactorAdapter",
        "MFA_FORMS": {
            "authenticate": "compliance.web.sign_in_forms.CodeForm",
            "reauthenticate": "compliance.web.sign_in_forms.ConfirmCodeForm",
            "activate_totp": "compliance.web.sign_in_forms.AddAppForm",
            "add_webauthn": "compliance.web.sign_in_forms.AddPasskeyForm",
            "edit_webauthn": "compliance.web.sign_in_forms.RenamePasskeyForm",
        },
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_PASSKEY_SIGNUP_ENABLED": False,
        "MFA_RECOVERY_CODES_SHOW_ONCE": True,
        "MFA_TOTP_TOLERANCE": 1,
        "SECOND_FACTOR_ROLES": frozenset(Role(name) for name in env.list("SECOND_FACTOR_ROLES", default=[])),
    }


def _provider(env: environ.Env) -> dict[str, Any]:
    """Single sign-on by OpenID Connect, where OIDC_ISSUER is set."""
    issuer, client = env.str("OIDC_ISSUER", default="").rstrip("/"), env.str("OIDC_CLIENT_ID", default="")
    name = env.str("OIDC_NAME", default="Single sign-on")
    secret_file = env.str("OIDC_CLIENT_SECRET_FILE", default="")
    apps = [
        {
            "provider_id": "oidc",
            "name": name,
            "client_id": client,
            "secret": Path(secret_file).read_text(encoding="utf-8").strip() if secret_file else "",
            "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
        }
    ]
    return {
        "SOCIALACCOUNT_ADAPTER": "compliance.web.sign_in_adapters.ProviderAdapter",
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": apps if issuer else []}},
        "SOCIALACCOUNT_STORE_TOKENS": False,
        "SOCIALACCOUNT_LOGIN_ON_GET": True,  # a form would be held to form-action all along the provider's redirects
        "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,  # compliance/services/single_sign_on.py decides who is whom
        "SOCIALACCOUNT_AUTO_SIGNUP": False,
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": client,
        "OIDC_NAME": name if issuer else "",
        "OIDC_UNKNOWN": env.str("OIDC_UNKNOWN", default="refuse"),
        "OIDC_EMAIL_IS_VERIFIED": env.bool("OIDC_EMAIL_IS_VERIFIED", default=False),
        "OIDC_ROLE_CLAIM": env.str("OIDC_ROLE_CLAIM", default=""),
        "OIDC_ROLES": {value: Role(role) for value, role in env.json("OIDC_ROLES", default={}).items()},
    }
