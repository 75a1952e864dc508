import draw_modules


def test_every_module_of_the_rule_is_drawn_with_what_it_is():
    rows = draw_modules.layers()
    drawn = [text.get_text() for text in draw_modules.draw(rows).axes[0].texts]
    names = [name for row in rows for name in row]
    assert set(names) == set(draw_modules.ABOUT)
    assert set(names) | set(draw_modules.ABOUT.values()) <= set(drawn)


def test_the_command_writes_the_picture(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["draw_modules.py", str(tmp_path / "map.png")])
    draw_modules.main()
    assert (tmp_path / "map.png").stat().st_size > 10_000
