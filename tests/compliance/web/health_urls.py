"""The two probes alone."""

from compliance.web import health

urlpatterns = health.urls
