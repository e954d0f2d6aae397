"""Expressions of constraints in words: what they ask of a file, for people to read.

The expressions are Python of a small kind, parsed here and never evaluated.
Whatever has no words of its own is shown as it is written.
"""

from __future__ import annotations

import ast

COMPARISONS = {
    ast.Eq: "is", ast.NotEq: "is not", ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥",
    ast.In: "is one of", ast.NotIn: "is none of", ast.Is: "is", ast.IsNot: "is not",
}

NEGATIONS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}

#: Names and constants that have words.
WORDS = {"VALUE": "the value", "True": "always", "False": "never"}

#: Functions around a condition that say what a missing value means.
STRENGTHS = {
    "optional": "optional", "required": "required", "warning": "missing gives a warning",
    "warn_only": "missing gives a warning", "subarray": "if it is a subarray",
    "full_frame": "if the frame is full", "all_subarray": "if a subarray is defined",
}

#: Longest expression that is looked at.
LIMIT = 10_000


def in_words(expression: str) -> str:
    """``(ndim(SCI_ARRAY,2))`` as "array SCI has 2 dimensions"."""
    tree = _parse(expression)
    return _words(tree) if tree is not None else expression


def presence(expression: str) -> tuple[str, str]:
    """What a missing value means, and under which condition, for a presence with a condition."""
    tree = _parse(expression)
    if tree is None:
        return "required", expression
    if isinstance(tree, ast.Call) and _called(tree) in STRENGTHS:
        strength = STRENGTHS[_called(tree)]
        return strength, _condition(tree.args[0]) if tree.args else ""
    return "required", _condition(tree)


def _condition(tree) -> str:
    words = _words(tree)
    return "" if words == WORDS["True"] else words


def _parse(expression: str):
    if len(expression) > LIMIT:
        return None
    try:
        # The files leave out spaces that Python needs between a name and "in" or "and".
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _words(node) -> str:
    if isinstance(node, ast.BoolOp):
        joint = " and " if isinstance(node.op, ast.And) else " or "
        return joint.join(_grouped(value) for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _negation(node.operand)
    if isinstance(node, ast.Compare):
        return _comparison(node)
    if isinstance(node, ast.Call):
        return _call(node)
    return _value(node)


def _negation(node) -> str:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in NEGATIONS:
        opposite = NEGATIONS[type(node.ops[0])]()
        return _comparison(ast.Compare(node.left, [opposite], node.comparators))
    words = _grouped(node)
    if isinstance(node, ast.Call) and " is " in words:
        return words.replace(" is ", " is not ", 1)
    return f"not: {words}"


def _grouped(node) -> str:
    """A part of a longer condition; in brackets where it is itself one."""
    words = _words(node)
    return f"({words})" if isinstance(node, ast.BoolOp) else words


def _comparison(node: ast.Compare) -> str:
    parts = [_value(node.left)]
    for operator, right in zip(node.ops, node.comparators, strict=True):
        sign = COMPARISONS[type(operator)]
        if isinstance(operator, ast.In | ast.NotIn) and not isinstance(
                right, ast.List | ast.Tuple | ast.Set):
            sign = "is within" if isinstance(operator, ast.In) else "is not within"
        parts += [sign, _value(right)]
    return " ".join(parts)


def _value(node) -> str:
    if isinstance(node, ast.Constant):
        return WORDS.get(str(node.value), str(node.value))
    if isinstance(node, ast.Name):
        return WORDS.get(node.id, _array(node.id))
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return ", ".join(map(_element, node.elts))
    if isinstance(node, ast.Attribute):
        return _attribute(node)
    if isinstance(node, ast.Subscript):
        return _subscript(node)
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, ast.BoolOp | ast.Compare):
        return f"({_words(node)})"
    return ast.unparse(node)


def _element(node) -> str:
    inside = isinstance(node, ast.List | ast.Tuple | ast.Set)
    return f"({_value(node)})" if inside else _value(node)


def _attribute(node: ast.Attribute) -> str:
    whose = _value(node.value)
    what = {"SHAPE": "the shape", "DATA_TYPE": "the data type", "DATA": "the data",
            "KIND": "the kind", "COLUMN_NAMES": "the columns"}.get(node.attr)
    return f"{what} of {whose}" if what else ast.unparse(node)


def _subscript(node: ast.Subscript) -> str:
    if ast.unparse(node.slice) == "-2:":
        whose = node.value.value if isinstance(node.value, ast.Attribute) else node.value
        return f"the image size of {_value(whose)}"
    return ast.unparse(node)


def _array(name: str) -> str:
    """``SCI_ARRAY`` is the library's name for the array SCI."""
    if name.endswith("_ARRAY"):
        return f"array {name.removesuffix('_ARRAY')}"
    if name.startswith("ARRAY_"):
        return f"array {name.removeprefix('ARRAY_')}"
    return name


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _call(node: ast.Call) -> str:
    name, arguments = _called(node), [_value(argument) for argument in node.args]
    if isinstance(node.func, ast.Attribute):
        return _method(node, arguments)
    if name in ("warn_only", "optional", "required", "warning") and len(arguments) == 1:
        words = _words(node.args[0])
        return f"{words} (else a warning)" if name in ("warn_only", "warning") else words
    if name in ("subarray", "full_frame", "all_subarray") and len(arguments) == 1:
        condition = _condition(node.args[0])
        return f"{STRENGTHS[name]} and {condition}" if condition else STRENGTHS[name]
    form = CALLS.get((name, len(arguments)))
    return form.format(*arguments) if form else ast.unparse(node)


#: Functions of the library by name and number of arguments.
CALLS = {
    ("ndim", 2): "{0} has {1} dimensions",
    ("has_type", 2): "{0} holds values of type {1}",
    ("has_columns", 2): "{0} has the columns {1}",
    ("has_column_type", 3): "column {1} of {0} holds values of type {2}",
    ("is_table", 1): "{0} is a table",
    ("is_image", 1): "{0} is an image",
    ("array_exists", 1): "{0} exists",
    ("is_imaging_mode", 1): "{0} is an imaging mode",
    ("is_full_frame", 1): "{0} is a full frame",
    ("is_subarray", 1): "{0} is a subarray",
    ("is_irs2", 1): "{0} is an IRS2 pattern",
    ("is_defined", 1): "{0} is defined",
    ("len", 1): "the length of {0}",
}


def _method(node: ast.Call, arguments: list[str]) -> str:
    whose, method = _value(node.func.value), node.func.attr
    if method == "startswith" and arguments:
        return f"{whose} begins with {arguments[0]}"
    if method == "endswith" and arguments:
        return f"{whose} ends with {arguments[0]}"
    if method in ("lower", "upper", "strip") and not arguments:
        return whose
    if method == "all" and len(arguments) == 1 and whose == "np":
        return f"everywhere {_words(node.args[0])}"
    return ast.unparse(node)
