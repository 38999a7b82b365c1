//! Checks that the checked-in C header is what cbindgen generates from the source.
//! `make bridge-header` regenerates it.

use std::path::Path;

#[test]
fn the_header_matches_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut generated = Vec::new();
    cbindgen::Builder::new()
        .with_crate(root)
        .with_config(config)
        .generate()
        .unwrap()
        .write(&mut generated);
    let generated = String::from_utf8(generated).unwrap();

    let path = root.join("include/tairitsu_bridge.h");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
        return;
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "include/tairitsu_bridge.h is out of date, run `make bridge-header`:\n{}",
        first_difference(&checked_in, &generated)
    );
}

/// The first few lines that differ, with the number of the first.
fn first_difference(checked_in: &str, generated: &str) -> String {
    const SHOWN: usize = 8;
    let old: Vec<&str> = checked_in.lines().collect();
    let new: Vec<&str> = generated.lines().collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let show = |mark: char, lines: &[&str]| -> String {
        lines[same..]
            .iter()
            .take(SHOWN)
            .map(|line| format!("{mark} {line}\n"))
            .collect()
    };
    format!("line {}:\n{}{}", same + 1, show('-', &old), show('+', &new))
}
