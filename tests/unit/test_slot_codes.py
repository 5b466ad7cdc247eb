import pytest

from pitboss.sas import codes


@pytest.mark.parametrize(
    ("code", "cents"),
    [
        (0x01, 1),
        (0x17, 2),
        (0x02, 5),
        (0x03, 10),
        (0x04, 25),
        (0x05, 50),
        (0x06, 100),
        (0x07, 500),
        (0x08, 1_000),
        (0x09, 2_000),
        (0x16, 500_000),
        (0x1A, 40),
    ],
)
def test_a_denomination_code_is_worth(code: int, cents: int) -> None:
    assert codes.DENOMINATION_CENTS[code] == cents


def test_no_denomination_is_a_fraction_of_a_cent_or_known_twice() -> None:
    values = list(codes.DENOMINATION_CENTS.values())
    assert len(values) == len(set(values))
    assert all(isinstance(cents, int) and cents > 0 for cents in values)
    assert set(codes.DENOMINATION_CENTS) == set(range(0x01, 0x1B))


def test_every_denomination_code_fits_the_mask_of_the_wager_type() -> None:
    assert all(code == code & codes.WAGER_DENOMINATION_MASK for code in codes.DENOMINATION_CENTS)


@pytest.mark.parametrize(
    ("code", "cents"), [(0x00, 100), (0x02, 500), (0x04, 2_000), (0x06, 10_000)]
)
def test_a_bill_code_is_worth(code: int, cents: int) -> None:
    assert codes.BILL_CENTS[code] == cents


def test_each_door_that_closes_is_one_that_opens() -> None:
    assert set(codes.DOOR_CLOSED.values()) == set(codes.DOOR_OPENED.values())
    for code, door in codes.DOOR_CLOSED.items():
        assert codes.DOOR_OPENED[code - 1] == door


def test_an_exception_code_has_one_meaning() -> None:
    single = {
        codes.HANDPAY_PENDING,
        codes.HANDPAY_RESET,
        codes.BILL_ACCEPTED,
        codes.BUFFER_OVERFLOW,
        codes.METERS_RESET,
        codes.GAME_STARTED,
        codes.GAME_ENDED,
    }
    groups = [single, set(codes.DOOR_OPENED), set(codes.DOOR_CLOSED), set(codes.TILTS)]
    assert len(set().union(*groups)) == sum(len(group) for group in groups)


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        codes.DENOMINATION_CENTS[0x00] = 1  # type: ignore[index]
