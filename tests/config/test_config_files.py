import fnmatch
from pathlib import Path

import pytest

from alertd.config.load import load

BASE = "mqtt: {url: mqtt://127.0.0.1}\nsources: [{preset: zigbee2mqtt}]\n"
RULE = "{name: NAME, match: {metric: temperature}, detect: {kind: threshold, above: 30}}"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder / "alertd.yaml"


def test_rules_of_included_files_are_added_in_order(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("b", "a"):
        (tmp_path / "rules" / f"{name}.yaml").write_text(f"rules: [{RULE.replace('NAME', name)}]\n")
    path = write(tmp_path, alertd__yaml=f"include: [rules/*.yaml]\n{BASE}rules: [{RULE.replace('NAME', 'own')}]\n")

    loaded = load(path)

    assert loaded.config is not None
    assert [rule.name for rule in loaded.config.rules] == ["own", "a", "b"]


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}include: [more.yaml]\n",
        more__yaml="rules:\n  - name: hot\n    detect: {kind: threshold, abov: 30}\n",
    )

    assert [str(error) for error in load(path).errors] == [
        f"{tmp_path}/more.yaml:3:31: rules[0].detect.abov: unknown key (did you mean above?)"
    ]


def test_included_files_may_include_and_circles_are_named(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}include: [one.yaml]\n",
        one__yaml="include: [two.yaml]\n",
        two__yaml="include: [one.yaml]\n",
    )

    errors = [str(error) for error in load(path).errors]

    way = " -> ".join(str(tmp_path / name) for name in ("alertd.yaml", "one.yaml", "two.yaml", "one.yaml"))
    assert errors == [f"{tmp_path}/two.yaml:1:11: include[0]: goes in a circle: {way}"]


def test_only_lists_can_be_included(tmp_path: Path) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}include: [a.yaml]\n", a__yaml="web: {listen: off}\n")

    assert "an included file may only hold lists" in str(load(path).errors[0])


def test_the_devices_file_lists_devices_and_further_columns_are_labels(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices: [{{id: gw-1}}]\ndevices_file: herd.csv\n",
        herd__csv='id,name,tag,species,group,barn\n0421,Berta,"DE 09 12300421",cattle,dairy,north\n\n421,,,,,\n',
    )

    loaded = load(path)

    assert loaded.config is not None
    gateway, berta, other = loaded.config.devices
    assert gateway.id == "gw-1"
    assert (berta.id, berta.name, berta.tag, berta.group) == ("0421", "Berta", "DE 09 12300421", "dairy")
    assert berta.labels == {"barn": "north"}
    assert (other.id, other.name, other.labels) == ("421", None, {})


def test_a_spreadsheet_with_semicolons_and_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}devices_file: herd.csv\n", herd__csv="\ufeffid;name\r\ncow-1;Grün\r\n")

    loaded = load(path)

    assert loaded.config is not None
    assert [(device.id, device.name) for device in loaded.config.devices] == [("cow-1", "Grün")]


def test_mistakes_in_the_devices_file_name_its_line_and_column(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices: [{{id: cow-1}}]\ndevices_file: herd.csv\n",
        herd__csv="name,id\nAlma,cow-1\nBerta,\nCora,cow-3,x\n",
    )

    assert [str(error) for error in load(path).errors] == [
        f"{tmp_path}/herd.csv:2:6: devices[1].id: cow-1 is given twice (first in {path}:3)",
        f"{tmp_path}/herd.csv:3:1: devices[2].id: is required",
        f"{tmp_path}/herd.csv:4:12: has 3 cells under 2 columns",
    ]


def test_a_devices_file_without_ids_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}devices_file: herd.csv\n", herd__csv="name,barn\nAlma,north\n")

    assert str(load(path).errors[0]).endswith("one of them id; it has name, barn")


def test_cells_have_exact_places_behind_quotes_and_over_line_breaks(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices: [{{id: cow-1}}]\ndevices_file: herd.csv\n",
        herd__csv='name,id\n"Alma, the ""big"" one",cow-1\n"two\nlines", cow-1\n',
    )

    first = f"is given twice (first in {path}:3)"
    assert [str(error) for error in load(path).errors] == [
        f"{tmp_path}/herd.csv:2:25: devices[1].id: cow-1 {first}",
        f"{tmp_path}/herd.csv:4:9: devices[2].id: cow-1 {first}",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('id,name\ncow-1,"Alma\n', "2:7: is not CSV: a quote that nothing closes"),
        ('id,name\ncow-1,"Al"ma\n', '2:11: is not CSV: text after a closing quote; write "" for a quote'),
        ("id,name,\ncow-1,Alma\n", "1:9: column 3 has no name"),
        ("id;name;id\ncow-1;Alma;x\n", "1:9: column id is given twice"),
        ("id,labels\ncow-1,barn=north | wet\n", "2:20: devices[0].labels: must be barn=north, several with | between, not wet"),
        ("id,aliases\ncow-1,c7 from yesterday\n", "2:15: devices[0].aliases[0].from: must be*"),
        ("id,aliases\ncow-1,c7 from 2026-03-02 until 2026-03-01\n", "2:7: devices[0].aliases[0]: c7: until must be later than from"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_named_with_line_and_column(tmp_path: Path, text: str, error: str) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}devices_file: herd.csv\n", herd__csv=text)

    (found,) = load(path).errors
    assert fnmatch.fnmatchcase(str(found), f"{tmp_path}/herd.csv:{error}".replace("[", "[[]")), str(found)


def test_a_devices_file_may_be_the_list_in_yaml_and_its_mistakes_name_their_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices_file: herd.yaml\n",
        herd__yaml="devices:\n  - {id: cow-1, nam: Alma}\n  - {id: cow-2, labels: {barn: north}}\n",
    )

    assert [str(error) for error in load(path).errors] == [
        f"{tmp_path}/herd.yaml:2:17: devices[0].nam: unknown key (did you mean name?)"
    ]
    (tmp_path / "herd.yaml").write_text("- {id: cow-1}\n- {id: cow-2, labels: {barn: north}}\n", encoding="utf-8")
    config = load(path).config
    assert config is not None
    assert [(device.id, device.labels) for device in config.devices] == [("cow-1", {}), ("cow-2", {"barn": "north"})]


def test_a_devices_file_in_yaml_holds_nothing_but_devices(tmp_path: Path) -> None:
    path = write(
        tmp_path, alertd__yaml=f"{BASE}devices_file: herd.yml\n", herd__yml="web: {listen: off}\ndevices: []\n"
    )
    assert "herd.yml:1:1: web: a devices file holds nothing but devices" in str(load(path).errors[0])
    (tmp_path / "herd.yml").write_text("just text\n", encoding="utf-8")
    assert "must be a list of devices" in str(load(path).errors[0])


def test_a_table_names_collars_with_dates_and_labels_in_one_cell(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices_file: herd.csv\n",
        herd__csv="id,labels,aliases,labels.site\n"
        "cow-1,barn=north|pen: 3,24:E1:24:13:6B:50:23:45 from 2026-03-01 until 2026-09-15 | ear 7,home\n",
    )

    config = load(path).config
    assert config is not None
    (cow,) = config.devices
    assert cow.labels == {"barn": "north", "pen": "3", "site": "home"}
    collar, ear = cow.aliases
    assert (collar.id, str(collar.from_), str(collar.until)) == ("24:E1:24:13:6B:50:23:45", "2026-03-01", "2026-09-15")
    assert (ear.id, ear.from_, ear.until) == ("ear 7", None, None)


@pytest.mark.parametrize(
    ("devices", "error"),
    [
        (
            "[{id: 24e124136b502345}, {id: '24:E1:24:13:6B:50:23:45'}]",
            "3:40: devices[1].id: 24:E1:24:13:6B:50:23:45 is 24e124136b502345 again*",
        ),
        ("[{id: cow-1, aliases: [cow-2]}, {id: cow-2}]", "3:33: devices[0].aliases[0]: cow-2 is itself a listed device*"),
        (
            "[{id: cow-1, aliases: [c7]}, {id: cow-2, aliases: [{id: c7, from: 2026-03-01}]}]",
            "3:61: devices[1].aliases[0]: c7 is cow-1 at that time*give from and until",
        ),
        ("[{id: cow-1, aliases: [{id: c7, form: 2026-03-01}]}]", "3:42: devices[0].aliases[0].form: unknown key (did you mean from?)"),
        ("[{id: cow-1, aliases: [{id: c7, from: 2026-13-01}]}]", "3:48: devices[0].aliases[0].from: must be*"),
    ],
)  # fmt: skip
def test_no_collar_is_on_two_animals_at_once(tmp_path: Path, devices: str, error: str) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}devices: {devices}\n")

    (found,) = load(path).errors
    assert fnmatch.fnmatchcase(str(found), f"{path}:{error}".replace("[", "[[]")), str(found)


def test_a_collar_may_move_from_one_cow_to_the_next_on_one_day(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices:\n"
        "  - {id: cow-1, aliases: [{id: c7, from: 2026-03-01, until: 2026-09-15}]}\n"
        "  - {id: cow-2, aliases: [{id: c7, from: 2026-09-15T14:00:00+02:00}]}\n"
        "  - {id: c7, name: Collar 7}\n",
    )
    assert load(path).errors == []


def test_a_table_that_breaks_off_names_what_is_wrong_above_the_break_too(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        alertd__yaml=f"{BASE}devices_file: herd.csv\n",
        herd__csv='id,aliases\ncow-1,c7 from 2026-03-02 until 2026-03-01\ncow-2,"c8\n',
    )

    assert [str(error) for error in load(path).errors] == [
        f"{tmp_path}/herd.csv:2:7: devices[0].aliases[0]: c7: until must be later than from",
        f"{tmp_path}/herd.csv:3:7: is not CSV: a quote that nothing closes",
    ]
