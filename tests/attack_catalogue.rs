//! `docs/attacks.md` says which files test which attack; the sources decide whether that is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Catalogue = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust sources of all crates, without what was built.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !matches!(&*name, "target" | "node_modules") {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// `T-DMX-01`, if `text` begins with an id in either spelling (`t_dmx_01`, `T-DMX-01`).
fn id(text: &str) -> Option<String> {
    let bytes = text.as_bytes().get(..8)?;
    let separator = match (bytes[0], bytes[1]) {
        (b'T', b'-') => b'-',
        (b't', b'_') => b'_',
        _ => return None,
    };
    let class = &bytes[2..5];
    let is_class = match separator {
        b'-' => |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        _ => |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
    };
    let is_id = class.iter().all(is_class)
        && bytes[5] == separator
        && bytes[6..].iter().all(u8::is_ascii_digit)
        && !text[8..].starts_with(|next: char| next.is_ascii_digit());
    let spelled = || {
        let class = String::from_utf8_lossy(class).to_ascii_uppercase();
        format!("T-{class}-{}", &text[6..8])
    };
    is_id.then(spelled)
}

/// The ids in `text`: those in comments, and those that are the beginning of a function's name.
fn ids(text: &str) -> BTreeSet<String> {
    let commented = text.match_indices("T-").map(|(at, _)| at);
    let named = text.match_indices("fn t_").map(|(at, _)| at + 3);
    commented
        .chain(named)
        .filter_map(|at| id(&text[at..]))
        .collect()
}

fn tested() -> Catalogue {
    let mut files = Vec::new();
    sources(root(), &mut files);
    let mut found = Catalogue::new();
    for file in files {
        let name = file.strip_prefix(root()).expect("below the root");
        if name == Path::new("tests/attack_catalogue.rs") {
            continue;
        }
        let name = name.to_string_lossy().replace('\\', "/");
        for id in ids(&fs::read_to_string(&file).expect("text")) {
            found.entry(id).or_default().insert(name.clone());
        }
    }
    found
}

fn catalogued() -> Catalogue {
    let page = fs::read_to_string(root().join("docs/attacks.md")).expect("docs/attacks.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let id = id(cells.next()?)?;
        let files = cells.nth(1)?.split(", ");
        let files = files.map(|file| file.trim_matches('`').to_owned());
        Some((id, files.collect()))
    });
    // What has no test is listed apart, with other words in its last column.
    rows.filter(|(_, files): &(_, BTreeSet<String>)| files.iter().all(|file| file.ends_with(".rs")))
        .collect()
}

#[test]
fn every_attack_of_the_catalogue_is_tested_where_it_says() {
    let (tested, catalogued) = (tested(), catalogued());
    assert!(catalogued.len() > 100, "the page was read");
    let ids: BTreeSet<_> = tested.keys().chain(catalogued.keys()).collect();
    let mut wrong = Vec::new();
    for id in ids {
        let (are, said) = (tested.get(id), catalogued.get(id));
        if are != said {
            wrong.push(format!(
                "{id}: tested in {are:?}, docs/attacks.md says {said:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
