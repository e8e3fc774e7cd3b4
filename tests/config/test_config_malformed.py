"""What is no YAML is named in the line that has to be mended, in words of this configuration."""

import pytest

from alertd.config.document import parse


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb:\n  c: 1\n   d: 2\n", "4:5: is not YAML: this line is indented deeper than the one above"),
        ("a:\n    b: 1\n   c: 2\n", "3:4: is not YAML: this line stands under none of the lines above"),
        ("farm:\n  name:Hof\n  language: de\n", "2:8: is not YAML: a space is missing after the colon"),
        (
            "a: {b: 1, c: 2\nd: 3\n",
            "1:4: is not YAML: this { is not closed: is a quote or } missing? (noticed in line 2)",
        ),
        ('a: [{b: "4711}]\nc: {d: "21:30"}\n', "1:5: is not YAML: this { is not closed"),
        ("a: [1 2, {b: c} d]\n", "1:17: is not YAML: a comma, a quote or a closing bracket is missing before this"),
        ("a: {token: ${TOKEN}}\n", "1:12: is not YAML: ${TOKEN} is not replaced here: write {env: TOKEN}"),
        ("topic: {group}/{device}\n", "1:15: is not YAML: text that begins with { stands in quotes"),
        ("a: {{ device }}: warm\n", "1:16: is not YAML: text with {{ }} stands in quotes"),
        ('a: "Berta" is warm\n', "1:12: is not YAML: text goes on after its closing quote: put all of it in quotes"),
        ("a:\n\N{NO-BREAK SPACE} b: 1\n  c: 2\n", "2:1: is not YAML: a no-break space: type plain spaces"),
        ("a: 1\n<<<<<<< mine\nb: 2\n", "2:1: is not YAML: this line is neither `key: value` nor does it begin"),
        ("a: @here\n", "1:4: is not YAML: text that begins with @ stands in quotes"),
        ("a: b: c\n", "1:5: is not YAML: a second ': ' on this line: put the text in quotes or start a new line"),
        ("url: mqtt://host: 1883\n", "1:17: is not YAML: a second ': ' on this line"),
    ],
)
def test_the_line_to_mend_is_named_in_plain_words(text: str, said: str) -> None:
    tree, faults = parse(text, "f")

    assert tree is None
    assert len(faults) == 1
    assert str(faults[0]).startswith(f"f:{said}"), str(faults[0])
