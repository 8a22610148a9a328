"""Texts made safe to print: the short way for usual texts says what the long way says."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.packs.limits import unprintable
from compliance.packs.wording import _LONG_WORDS, _cut_word, _is_shown, code_point, visible


def slowly(text: str) -> str:
    """Each character looked at, whatever the text."""
    normal = unicodedata.normalize("NFC", text)
    shown = "".join(one if _is_shown(one) else code_point(one) for one in normal)
    return _LONG_WORDS.sub(_cut_word, shown)


@settings(deadline=None)  # the first text waits until the fonts are read
@given(st.text(alphabet=st.characters(max_codepoint=0x17F), max_size=40))
def test_no_text_is_shown_otherwise_because_it_is_usual(text: str) -> None:
    assert visible(text) == slowly(text)


def test_control_characters_are_shown_in_texts_of_plain_letters() -> None:
    assert visible("a\x00b\x7fc\rd\ne\tf") == "a⟨U+0000⟩b⟨U+007F⟩c⟨U+000D⟩d\ne\tf"


def test_long_words_are_cut_in_texts_of_plain_letters() -> None:
    assert visible("x " + "y" * 401).startswith("x " + "y" * 400 + "… [1 character more")


def test_one_and_several_unprintable_characters_are_told_of_in_their_number() -> None:
    (one,), (two,) = unprintable({"\x00"}), unprintable({"\x00", "\x01"})
    assert one.startswith("A character that the fonts of this pack do not have")
    assert "stands as its code point: ⟨U+0000⟩." in one
    assert "stand as their code points: 2 different ones, such as ⟨U+0000⟩, ⟨U+0001⟩." in two
    assert unprintable(set()) == []
