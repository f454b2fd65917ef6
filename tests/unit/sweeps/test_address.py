"""Addresses of a sweep's database; none with a password gets past, or is repeated."""

import pytest

from ferkit.errors import ConfigError
from ferkit.sweeps.address import check_address, refuse_password

PASSWORDS = [
    "storage=postgresql://u:geheim@h/d",
    "storage=postgresql+psycopg://u:geheim@h:5432/d",
    "storage=postgres://u:geheim@h/d",
    "storage=postgresql://:geheim@h/d",
    "storage=postgresql:u:geheim@h/d",
    "storage=postgresql://u%3Ageheim@h/d",
    "storage=postgresql://u:ge%40heim@h/d",
    "storage=postgresql://u:ge/heim@h/d",
    "storage=postgresql://u:ge?heim@h/d",
    "storage=postgresql://u:ge:heim@h/d",
    "storage=postgresql://h/d?user=u&password=geheim",
    "storage=postgresql://h/d?user=u&%70assword=geheim",
    "storage=postgresql://h/d?PASSWORD=geheim",
    "storage=postgresql://h/d?sslpassword=geheim",
    "storage=host=h password=geheim",
    "storage='postgresql://u:geheim@h/d'",
    "storage=u:geheim@h/d",
    "storage=mysql://u:geheim@h/d",
    "+storage=postgresql://u:geheim@h/d",
    "storge=postgresql://u:geheim@h/d",
    "strage=postgresql://u:geheim@h/d",
    "--storage=postgresql://u:geheim@h/d",
    "postgresql://u:geheim@h/d",
]
SERVED = [
    "postgresql://u@h/d",
    "postgresql://h/d",
    "postgresql://u@h:5432/d",
    "postgresql://u@[::1]:5432/d",
    "postgresql:///d?host=/run/postgresql",
    "postgresql://u@/d?host=/run/postgresql&port=5433",
    "postgresql://u@h/d?sslmode=require&passfile=/home/u/.pgpass",
]


@pytest.mark.parametrize("word", PASSWORDS)
@pytest.mark.parametrize("more", [(), ("--cfg", "job")])
def test_a_password_in_the_address_is_refused_and_not_repeated(ferkit, word, more):
    code, out, err = ferkit("sweep", "seed=1,2", word, *more)
    assert code == 2
    assert "PGPASSWORD" in err
    assert "heim" not in out + err


def test_a_password_behind_an_interpolation_is_refused(ferkit, monkeypatch, tmp_path):
    monkeypatch.setenv("ADDRESS", "postgresql://u:geheim@h/d")
    code, out, err = ferkit("sweep", "seed=1,2", "storage=${oc.env:ADDRESS}", "out=here")
    assert code == 2
    assert "geheim" not in out + err
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("address", SERVED)
def test_an_address_is_given_to_psycopg(address):
    assert check_address(address).startswith("postgresql+psycopg://")


@pytest.mark.parametrize("word", ["logger.tracking_uri=http://u:p@h", "out=a@b:c@d", "seed=1"])
def test_other_words_are_let_through(word):
    refuse_password([word])


@pytest.mark.parametrize(
    "address", ["sqlite:///a.db", "x", "", "postgresql://h", "postgresql://h:x/d", "mysql://u@h/d"]
)
def test_other_databases_are_refused(address):
    with pytest.raises(ConfigError, match="USER@HOST/DATABASE"):
        check_address(address)
