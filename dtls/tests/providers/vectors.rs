//! Reading Wycheproof's files.

use serde_json::Value;

/// A test of a file, and the group that it stands in.
pub(crate) struct Case<'a> {
    pub(crate) group: &'a Value,
    test: &'a Value,
}

impl Case<'_> {
    /// A value of the test, in hex.
    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        hex(self.test[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key} in {}", self.test)))
    }

    pub(crate) fn number(&self, key: &str) -> usize {
        self.test[key].as_u64().expect("a number") as usize
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.test["result"] == "valid"
    }

    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.test["flags"]
            .as_array()
            .is_some_and(|flags| flags.iter().any(|f| f == flag))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.test.get(key).is_some()
    }

    /// For the messages of assertions.
    pub(crate) fn id(&self) -> &Value {
        &self.test["tcId"]
    }
}

/// Runs `check` on each test of `file`, and returns how many there were.
pub(crate) fn each(file: &str, mut check: impl FnMut(&Case<'_>)) -> usize {
    let path = format!(
        "{}/tests/data/wycheproof/{file}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).expect("the file is part of the repository");
    let value: Value = serde_json::from_str(&text).expect("valid JSON");
    let mut count = 0;
    for group in value["testGroups"].as_array().expect("groups") {
        for test in group["tests"].as_array().expect("tests") {
            check(&Case { group, test });
            count += 1;
        }
    }
    count
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
    digits.map(|pair| byte(pair).expect("hex")).collect()
}
