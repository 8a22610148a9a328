"""Settings, all from the environment; the table in README.md lists every variable.

The defaults run an embedded installation on one machine: SQLite, a filesystem broker, local files under `var/`.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import NONE, SELF

from compliance import api_description, notice_settings, sign_in_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR = Path(env.str("ASSAY_VAR", default=str(BASE_DIR / "var"))).resolve()


def _embedded_secret() -> str:
    """A key of this installation's own, made once and kept beside its database, for runs without SECRET_KEY."""
    path = VAR / "secret_key"
    if not path.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()


PRODUCTION = env.bool("PRODUCTION", default=False)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or _embedded_secret()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SECRET_KEY_FROM_ENVIRONMENT = bool(env.str("SECRET_KEY", default=""))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
FILES_HOST = env.str("FILES_HOST", default="")
ALLOWED_HOSTS += [FILES_HOST.partition(":")[0]] if FILES_HOST else []
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", default="http://localhost:8000")
ORGANISATION = env.str("ORGANISATION", default="Your organisation")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_cotton",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_structlog",
    "django_celery_beat",
    "compliance.apps.ComplianceConfig",
    "scanning.apps.ScanningConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "compliance.web.files.FilesMiddleware",
    "compliance.web.uploads.UnfinishedUploadsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "compliance.web.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "compliance.web.sign_in_middleware.IdleSessionMiddleware",
    "compliance.web.sign_in_middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "compliance.web.middleware.LogMiddleware",
    "compliance.web.middleware.NulMiddleware",
    "compliance.web.middleware.OneMarkMiddleware",
    "compliance.web.middleware.ReaderTimeZoneMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "compliance.web.auditor_reads.AuditorReadMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "compliance.urls"
WSGI_APPLICATION = "compliance.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "compliance.web.context.assay",
            ],
        },
    },
]
COTTON_DIR = "parts"
FORM_RENDERER = "compliance.web.form_renderer.FormRenderer"

# Database: SQLite with the options proven for an evidence store, PostgreSQL by URL. ----------------------------

SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;"
        "PRAGMA cache_size=-4000; PRAGMA foreign_keys=ON;"
    ),
}
DATABASE = env.db_url("DATABASE_URL", default=f"sqlite:///{VAR / 'assay.sqlite3'}")
if DATABASE["ENGINE"].endswith("sqlite3"):
    DATABASE["OPTIONS"] = {**DATABASE.get("OPTIONS", {}), **SQLITE_OPTIONS}
else:
    DATABASE["CONN_HEALTH_CHECKS"] = True
DATABASE["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
DATABASE["ATOMIC_REQUESTS"] = False
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files ---------------------------------------------------------------------------------------------------------

EVIDENCE_ROOT = Path(env.str("EVIDENCE_ROOT", default=str(VAR / "evidence")))
EVIDENCE_STORAGE_BACKEND = env.str("EVIDENCE_STORAGE_BACKEND", default="django.core.files.storage.FileSystemStorage")
EVIDENCE_STORAGE_OPTIONS: dict[str, Any] = env.json(
    "EVIDENCE_STORAGE_OPTIONS", default={"location": str(EVIDENCE_ROOT), "file_permissions_mode": 0o440}
)
STORAGES = {
    "default": {"BACKEND": EVIDENCE_STORAGE_BACKEND, "OPTIONS": EVIDENCE_STORAGE_OPTIONS},
    "evidence": {"BACKEND": EVIDENCE_STORAGE_BACKEND, "OPTIONS": EVIDENCE_STORAGE_OPTIONS},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise asks for it, though it serves from the finders
STATICFILES_DIRS: list[Path] = []
WHITENOISE_USE_FINDERS = True
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=2 * 1024**3)
MAX_MODEL_UPLOAD_BYTES = env.int("MAX_MODEL_UPLOAD_BYTES", default=20 * 1024**3)
MIN_FREE_BYTES = env.int("MIN_FREE_BYTES", default=512 * 1024**2)
FILE_UPLOAD_TEMP_DIR = env.str("FILE_UPLOAD_TEMP_DIR", default="") or None
FILE_UPLOAD_HANDLERS = ["compliance.web.uploads.HashingUploadHandler"]
FILE_LINK_SECONDS = env.int("FILE_LINK_SECONDS", default=60)
REHASH_DAYS = env.int("REHASH_DAYS", default=30)
REHASH_BYTES_PER_SECOND = env.int("REHASH_BYTES_PER_SECOND", default=50 * 1024**2)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2

# People and sessions ---------------------------------------------------------------------------------------------

vars().update(sign_in_settings.read(env, production=PRODUCTION))

# Production hardening: compliance/checks.py refuses what is unsafe. ----------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes ask without TLS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if PRODUCTION else 0)
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    },
}

# Language and time -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "compliance" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# API -------------------------------------------------------------------------------------------------------------

# Requests in a span of time, for each person or token, and for each address on the public page; "" for no limit. Every web
# process counts by itself, unless the cache is shared.
API_RATE = env.str("API_RATE", default="1200/min") or None
API_UPLOAD_RATE = env.str("API_UPLOAD_RATE", default="120/min") or None
VERIFY_RATE = env.str("VERIFY_RATE", default="20/min") or None
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "compliance.api.authentication.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["compliance.api.permissions.MayUseVerb"],
    "DEFAULT_THROTTLE_CLASSES": ["compliance.api.throttles.AskerRate", "compliance.api.throttles.UploadRate"],
    "DEFAULT_THROTTLE_RATES": {"asker": API_RATE, "upload": API_UPLOAD_RATE, "verify": VERIFY_RATE},
    "NUM_PROXIES": vars()["TRUSTED_PROXIES"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "compliance.api.pagination.CountedPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "compliance.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = api_description.SETTINGS
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105 - the name of a table
REST_KNOX = {
    "TOKEN_TTL": None,
    "AUTO_REFRESH": False,
    "TOKEN_PREFIX": "assay_",
    "AUTH_HEADER_PREFIX": "Token",
}

# Jobs: the Job row is the truth, the message a wake-up; no result backend. ---------------------------------------

BROKER_URL = env.str("BROKER_URL", default="filesystem://")
CELERY_BROKER_URL = BROKER_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ROUTES = {
    "scanning.tasks.process_scan": {"queue": "scan"},
    "compliance.tasks.issue_pack": {"queue": "pdf"},
}
CELERY_QUEUES_SERVED = "default,scan"
CELERY_PACK_QUEUE = "pdf"
if BROKER_URL.startswith("filesystem://"):
    _broker = VAR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "processed_folder": str(_broker / "processed"),
        "control_folder": str(_broker / "control"),
        "store_processed": False,
    }
elif BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": env.int("BROKER_VISIBILITY_SECONDS", default=6 * 3600)}
JOB_LEASE_SECONDS = env.float("JOB_LEASE_SECONDS", default=30.0)
JOB_REAP_SECONDS = env.float("JOB_REAP_SECONDS", default=10.0)
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", default=4)
IMPORT_CHUNK_ROWS = env.int("IMPORT_CHUNK_ROWS", default=1000)
SEAL_SECONDS = env.float("SEAL_SECONDS", default=20.0)

# Detection, packs, signing ---------------------------------------------------------------------------------------

SCAN_THREADS = env.int("SCAN_THREADS", default=2)
SCAN_DEVICE = env.str("SCAN_DEVICE", default="cpu")
SCAN_WALL_SECONDS = env.float("SCAN_WALL_SECONDS", default=3600.0)
SCAN_MEMORY_BYTES = env.int("SCAN_MEMORY_BYTES", default=8 * 1024**3)
SCAN_FRESH_DAYS = env.int("SCAN_FRESH_DAYS", default=90)
ACCEPT_UNISOLATED = env.bool("ASSAY_ACCEPT_UNISOLATED", default=False)
SIGNER = env.str("SIGNER", default="demo")
SIGNER_KEYS = Path(env.str("SIGNER_KEYS", default=str(VAR / "keys")))
SIGNER_PASSPHRASE = env.str("SIGNER_PASSPHRASE", default="")
SEAL_LEVEL = env.str("SEAL_LEVEL", default="B-T")
SEAL_FALLBACK = env.str("SEAL_FALLBACK", default="wait")
SEAL_RENEW_DAYS = env.int("SEAL_RENEW_DAYS", default=90)
TSA_URL = env.str("TSA_URL", default="")
TSA_ROOTS = env.str("TSA_ROOTS", default="")
PACK_PAPER = env.str("PACK_PAPER", default="A4")
PACK_CLASSIFICATION = env.str("PACK_CLASSIFICATION", default="Confidential")
PACK_KEPT_YEARS = env.int("PACK_KEPT_YEARS", default=10)
PRINCIPAL_KEYRING_BYTES = 32

# Mail ------------------------------------------------------------------------------------------------------------

vars().update(notice_settings.read(env))

# Logs: one JSON object a line in production, readable lines elsewhere. -------------------------------------------

LOG_JSON = env.bool("LOG_JSON", default=PRODUCTION)
LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING" if not PRODUCTION else "INFO")
_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _refusal_is_no_error(record: logging.LogRecord) -> bool:
    """A refused request (4xx) is one line; Django's logger would add the traceback of the refusal, and hide real errors."""
    if record.levelno < logging.ERROR:
        record.exc_info = None
    return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer() if LOG_JSON else structlog.dev.ConsoleRenderer(colors=False),
            ],
            "foreign_pre_chain": _shared_processors,
        },
    },
    "filters": {"refusals": {"()": "django.utils.log.CallbackFilter", "callback": _refusal_is_no_error}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"filters": ["refusals"]},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared_processors,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
SILENCED_SYSTEM_CHECKS = [
    "axes.W006",  # lock-out is by e-mail and address together, on purpose: one person cannot lock out another
]
