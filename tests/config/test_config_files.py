from pathlib import Path

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
        f"{tmp_path}/herd.csv:4:1: has 3 cells under 2 columns",
    ]


def test_a_devices_file_without_ids_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, alertd__yaml=f"{BASE}devices_file: herd.csv\n", herd__csv="name,barn\nAlma,north\n")

    assert str(load(path).errors[0]).endswith("one of them id; it has name, barn")
