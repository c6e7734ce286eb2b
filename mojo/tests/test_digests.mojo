"""Tests of `checkpoint.sha256`, `checkpoint.crc32` and `protocol.percent`."""
from std.testing import TestSuite, assert_equal, assert_raises

from protocol.percent import quote, unquote
from spikeport.checkpoint.crc32 import crc32
from spikeport.checkpoint.sha256 import SHA256, sha256


def test_sha256_of_the_standard_examples() raises:
    """The examples of FIPS 180-4, one of a million bytes."""
    assert_equal(
        sha256("".as_bytes()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    )
    assert_equal(
        sha256("abc".as_bytes()),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
    var million = String("a") * 1_000_000
    assert_equal(
        sha256(million.as_bytes()),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    )


def test_sha256_does_not_care_how_bytes_arrive() raises:
    """Any cut into updates gives the digest of the whole."""
    var text = String("0123456789") * 40
    for cut in [0, 1, 55, 56, 63, 64, 65, 128, 399]:
        var digest = SHA256()
        digest.update(text.as_bytes()[0:cut])
        digest.update(text.as_bytes()[cut:400])
        assert_equal(digest.hexdigest(), sha256(text.as_bytes()))


def test_crc32_of_the_check_string() raises:
    """The check value of the catalogue, and lengths around eight."""
    assert_equal(crc32("123456789".as_bytes()), 0xCBF43926)
    assert_equal(crc32("".as_bytes()), 0)
    assert_equal(crc32("a".as_bytes()), 0xE8B7BE43)
    var alphabet = String("abcdefghijklmnopqrstuvwxyz")
    assert_equal(crc32(alphabet.as_bytes()), 0x4C2750BD)


def test_percent_coding_goes_there_and_back() raises:
    """Every text comes back, and only plain bytes stand as they are."""
    assert_equal(quote("a b,c=d%"), "a%20b%2Cc%3Dd%25")
    assert_equal(quote("A-z_0./:9"), "A-z_0./:9")
    var text = String('é 😀\n\t"~')
    assert_equal(unquote(quote(text)), text)


def test_percent_coding_refuses_what_is_broken() raises:
    """A cut escape, no hex digits, bytes that are not UTF-8."""
    for word in ["%", "%2", "%zz", "a%4", "%ff", "%ed%a0%80"]:
        with assert_raises(contains="percent:"):
            _ = unquote(word)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
