"""The languages that tests ask, each with its runner built."""

import pytest

from conformance.harness import required_languages
from conformance.languages import load_languages


@pytest.fixture
def built():
    """A function that builds a language's runner, or skips the test where its toolchain is absent."""

    def build(language):
        absent = language.absent()
        if absent:
            assert language.name not in required_languages(), absent
            pytest.skip(absent)
        assert language.prepare() == ""

    return build


@pytest.fixture(params=load_languages(), ids=lambda language: language.name)
def language(request, built):
    """Every language in turn, its runner built."""
    built(request.param)
    return request.param
