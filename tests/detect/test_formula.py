"""What may stand in a formula, what it gives, and what is said where it is wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.detect.formula import DEEPEST, LONGEST, FormulaError, check_name, compile_formula

NAMES = ("t", "rh", "level")
VALUES = {"t": 30.0, "rh": 60.0, "level": 0.0}

GOOD = {
    "t": 30,
    "-t + +rh": 30,
    "2 * (t - 3) / 9 ** 0.5": 18,
    "min(t, rh, 5)": 5,
    "max(t, rh) - abs(-1)": 59,
    "round(t / 7)": 4,
    "round(t / 7, 2)": 4.29,
    "sqrt(exp(log(16)))": 4,
    "(1.8*t+32)-(0.55-0.0055*rh)*(1.8*t-26)": 79.84,
    "\n  t\n  + 1": 31,
}


@pytest.mark.parametrize(("text", "value"), GOOD.items(), ids=GOOD)
def test_a_formula_gives_its_value(text, value):
    assert compile_formula(text, NAMES)(VALUES) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["t / level", "log(level)", "sqrt(-t)", "exp(1000)", "9 ** 9 ** 9", "(-t) ** 0.5", "1e308 * t"]
)
def test_without_a_value_there_is_no_reading(text):
    assert compile_formula(text, NAMES)(VALUES) is None


BAD = {
    "t + hum": "at character 5: hum is not named under from (known are t, rh, level)",
    "t + leve": "at character 5: leve is not named under from (did you mean level?)",
    "ä + t": "at character 1: ä is not named under from (known are t, rh, level)",
    "(t + 'ä') * foo(t)": "at character 6: only numbers, names, + - * / **",
    "t + foo(t)": "at character 5: there is no function foo; there are min, max",
    "min(t)": "at character 1: min takes at least 2 arguments, not 1",
    "1 + abs(t, rh)": "at character 5: abs takes 1 argument, not 2",
    "round()": "at character 1: round takes 1 or 2 arguments, not 0",
    "1 + min": "at character 5: min is a function: write min(...)",
    "t +": "at character 4: is no formula",
    "  (t": "at character 3: is no formula",
    "": "at character 1: is no formula",
    "t; rh": "at character 2: is no formula",
    "t if rh else 1": "at character 1: only numbers",
    "t.real": "at character 1: only numbers",
    "__import__('os')": "at character 1: there is no function __import__",
    "(lambda: 1)()": "at character 1: only numbers",
    "[t][0]": "at character 1: only numbers",
    "t % 2": "at character 1: only numbers",
    "t > 3": "at character 1: only numbers",
    "True": "at character 1: only numbers",
    "1j": "at character 1: only numbers",
    "1e999": "at character 1: the number is too large",
    "1" * 400: "at character 1: the number is too large",
    "-" * 300 + "t": f"at character {DEEPEST + 1}: is nested deeper than {DEEPEST} levels",
    "(" * 300 + "t" + ")" * 300: "is no formula",
    "t+" * LONGEST + "t": f"is longer than {LONGEST} characters",
}


@pytest.mark.parametrize(("text", "said"), BAD.items(), ids=[text[:20] for text in BAD])
def test_what_is_wrong_is_said_with_its_place(text, said):
    with pytest.raises(FormulaError) as fault:
        compile_formula(text, NAMES)
    assert said in str(fault.value)


@pytest.mark.parametrize("name", ["min", "2nd", "a b", "if", "t-1", "", "ä"])
def test_a_name_that_no_formula_can_use_is_refused(name):
    with pytest.raises(ValueError, match=r"choose another name|cannot stand in a formula"):
        check_name(name)


@given(text=st.text("trh0123456789.+-*/() ,minabsexpog\n", max_size=40), t=st.floats(), rh=st.floats())
def test_any_text_is_an_error_or_a_formula_that_never_raises(text, t, rh):
    try:
        formula = compile_formula(text, ("t", "rh"))
    except FormulaError:
        return
    value = formula({"t": t, "rh": rh})
    assert value is None or math.isfinite(value)
