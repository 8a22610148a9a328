"""Routes of the API."""

from __future__ import annotations

from typing import ClassVar

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin

from compliance.api import assessments, records
from compliance.rights import Verb


class ApiRouter(SimpleRouter):
    """Names start with `api-`: `evidence-list` is the page, `api-evidence-list` the endpoint."""

    def get_default_basename(self, viewset: type[ViewSetMixin]) -> str:
        """The model's name, marked as the API's."""
        return f"api-{super().get_default_basename(viewset)}"


router = ApiRouter(use_regex_path=False)
router.register("systems", records.SystemViewSet)
router.register("model-versions", records.ModelVersionViewSet)
router.register("dataset-versions", records.DatasetVersionViewSet)
router.register("techniques", records.TechniqueViewSet)
router.register("questions", records.QuestionViewSet)
router.register("reference-controls", records.ReferenceControlViewSet)
router.register("mappings", records.MappingViewSet)
router.register("controls", records.ImplementedControlViewSet)
router.register("assessments", assessments.AssessmentViewSet)
router.register("answers", assessments.AnswerViewSet)
router.register("evidence", assessments.EvidenceViewSet)
router.register("job-events", records.JobEventViewSet)
router.register("observations", records.ObservationViewSet)
router.register("findings", records.FindingViewSet)
router.register("remediation-items", records.RemediationViewSet)
router.register("packs", records.PackViewSet)
router.register("jobs", records.JobViewSet)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for whoever is signed in."""

    verbs: ClassVar = {"GET": Verb.OWN_TOKENS}


class SwaggerView(SpectacularSwaggerSplitView):
    """The same document as a page; nothing is loaded from elsewhere."""

    template_name = "compliance/api_docs.html"
    verbs: ClassVar = {"GET": Verb.OWN_TOKENS}


urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", SwaggerView.as_view(url_name="api-schema"), name="api-docs"),
]
