"""Single values of a sidecar: read from JSON, written as the contract has it."""
from ...checks import refusal
from ..strict_json import LIST, OBJECT, TEXT, WHOLE, Json, escape


def demand(condition: Bool, expected: String) raises:
    """Refuses a sidecar unless a condition holds."""
    if not condition:
        raise refusal("sidecar_schema", expected)


def members(json: Json, node: Int, keys: List[String]) raises -> List[Int]:
    """Returns the value of each key of an object that has just these keys."""
    demand(json.kind(node) == OBJECT, "a value must be a JSON object")
    var values = List[Int]()
    for key in keys:
        var value = json.member(node, key)
        demand(Bool(value), String("the key ", key, " is missing"))
        values.append(value.value())
    demand(
        len(json.children(node)) == 2 * len(keys),
        "there is a key that a sidecar does not have",
    )
    return values^


def whole(json: Json, node: Int, key: StringSpan) raises -> Int:
    """Reads a whole number."""
    demand(json.kind(node) == WHOLE, String(key, " must be a whole number"))
    return json.whole(node)


def wholes(json: Json, node: Int, key: StringSpan) raises -> List[Int]:
    """Reads a list of whole numbers."""
    demand(json.kind(node) == LIST, String(key, " must be a list of numbers"))
    return [whole(json, item, key) for item in json.children(node)]


def text(json: Json, node: Int, key: StringSpan) raises -> String:
    """Reads a text."""
    demand(json.kind(node) == TEXT, String(key, " must be a text"))
    return json.string(node)


def texts(json: Json, node: Int, key: StringSpan) raises -> List[String]:
    """Reads a list of texts that are not empty."""
    demand(json.kind(node) == LIST, String(key, " must be a list of texts"))
    var items = [text(json, item, key) for item in json.children(node)]
    for item in items:
        demand(item != "", String(key, " must hold no empty text"))
    return items^


def written(items: List[String]) -> String:
    """Writes a list of values that are written already."""
    var list = String("[")
    for k in range(len(items)):
        list += String(", " if k > 0 else "", items[k])
    return list + "]"


def written_texts(items: List[String]) -> String:
    """Writes a list of texts."""
    return written([escape(item) for item in items])


def written_wholes(items: List[Int]) -> String:
    """Writes a list of whole numbers."""
    return written([String(item) for item in items])
