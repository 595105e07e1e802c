//! Every target on its corpus and on seeded random inputs.

#[test]
fn targets_hold_on_seeded_inputs() {
    for &(name, target) in fuzz::TARGETS {
        fuzz::campaign::run(name, target);
    }
}

/// Each target has a program for libFuzzer, and the other way round.
#[test]
fn every_target_has_its_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .map(|path| path.file_stem().expect("a name").display().to_string())
        .collect();
    programs.sort();
    let mut names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(programs, names);
}
