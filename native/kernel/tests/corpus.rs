//! The inputs that the fuzzer keeps, and inputs near them, hold to the properties; no nightly compiler is needed.

mod properties;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use properties::ALL;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(entry.unwrap().path())).collect()
}

/// The corpus of a target: what the fuzzer kept, and inputs on which the kernel once failed.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(FUZZ).join("corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_property_is_a_target_with_a_corpus() {
    let ours: BTreeSet<String> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&Path::new(FUZZ).join("corpus")), ours);
    assert_eq!(names(&Path::new(FUZZ).join("fuzz_targets")), ours);
    for name in &ours {
        let target = Path::new(FUZZ).join(format!("fuzz_targets/{name}.rs"));
        assert!(
            fs::read_to_string(target)
                .unwrap()
                .contains(&format!("::{name}(data)"))
        );
        assert!(!kept(name).is_empty());
    }
}

#[test]
fn kept_inputs_hold() {
    for (name, property) in ALL {
        for input in kept(name) {
            println!("{name}: {input:02x?}");
            property(&input);
        }
    }
}

/// A bit of each kept input flipped, and its end cut off.
#[test]
fn inputs_near_them_hold() {
    for (name, property) in ALL {
        for mut input in kept(name) {
            let at = input.len() / 3;
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << (at % 8);
            }
            println!("{name}: {input:02x?}");
            property(&input);
            property(&input[..at]);
        }
    }
}
