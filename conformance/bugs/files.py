"""Bugs of checkpoints."""

from __future__ import annotations

from conformance.bugs.bug import Bug
from spikeport.transfer.files.archive import NPY_HEADER

ARCHIVE = ("transfer/store.py", "_read_archive")
ZIP = "transfer/files/archive.py"
JSON = "transfer/files/strict_json.py"
DIRECTORY = (ZIP, "_directory")
NAMES = (ZIP, "check_names")
PARTS = ("transfer/checkpoint.py", "from_parts")
WRITE = ("transfer/checkpoint.py", "parts")
LAYERS = ("transfer/files/members.py", "layers_of")
MEMBERS = ("transfer/files/version_1.py", "expected_members")
PATHS = ("transfer/store.py", "checkpoint_paths")
LOW_HALF = "value.encode('utf-8', 'surrogatepass' if '\\udc00' in value else 'strict')"
IN_ORDER = "names == [member.file_name for member in expected if member.file_name in names]"
DIGITS = NPY_HEADER.pattern
NEURONS = "[a.neuron is None or neuron_from_rows(k, a.neuron) for k, a in zip(sidecar.neuron_types, layers)]"
PAIRS = "zip(expected, arrays, strict=True)"
TOTAL = "total != sidecar.total_params"

FILES = (
    Bug("a skipped digest check", *ARCHIVE, "hashlib.sha256(content).hexdigest() == sidecar.archive_sha256", "True"),
    Bug(
        "a skipped length check",
        *ARCHIVE,
        "sidecar.archive_bytes > min(largest_archive(expected), LARGEST_ARCHIVE)",
        "False",
    ),
    Bug("a skipped finiteness check", ZIP, "npy_array", "not np.isfinite(array).all()", "False"),
    Bug("duplicate keys let through", JSON, "_object", "len(result) != len(pairs)", "False"),
    Bug("a timestamp in the archive", ZIP, "", "0x0021", "0x5A21"),
    Bug(
        "half a character let through",
        "transfer/files/strict_json.py",
        "_check_text",
        "value.encode('utf-8')",
        LOW_HALF,
    ),
    Bug("order before compression", *DIRECTORY, "fields[4] != 0", f"fields[4] != 0 and {IN_ORDER}"),
    Bug("duplicates before foreign names", *NAMES, "name in seen", "list(names).count(name) > 1"),
    Bug("foreign names before duplicates", *NAMES, "name in seen", "name in seen and known.issuperset(names)"),
    Bug(
        "numbers of eleven digits",
        "transfer/files/archive.py",
        "",
        repr(DIGITS),
        repr(DIGITS.replace(b"1,10", b"1,11")),
    ),
    Bug("neurons before the number of parameters", *PARTS, "total != sidecar.total_params", f"{NEURONS} and {TOTAL}"),
    Bug(
        "types behind all members",
        *LAYERS,
        PAIRS,
        PAIRS.replace("arrays", "list(arrays)"),
    ),
    Bug("a neuron's type before its shape", *MEMBERS, "FLOATS", "('<f8',) if part == 'neuron' else FLOATS"),
    Bug("two suffixes taken off", *PATHS, "base.with_suffix('')", "base.with_suffix('').with_suffix('')"),
    Bug(
        "a non-finite weight written",
        *WRITE,
        "layer.arrays(finite=True, version=sidecar.version)",
        "layer.arrays(finite=False, version=sidecar.version)",
    ),
    Bug("an unknown frozen name written", *WRITE, "name not in names", "False"),
    Bug("a chain not checked", "transfer/files/version_1.py", "check_chain", "before[1] != after[0]", "False"),
)
