//! The rows of the matrix, for people and for machines.

use std::fmt;

use serde_json::{Value, json};

/// What became of one call or handshake with a peer. The names are those of the JSON rows.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) peer: String,
    pub(crate) version: String,
    /// Our side of the DTLS handshake: `client` or `server`; for an absent peer, nothing.
    pub(crate) role: &'static str,
    /// `1.2` or `1.3`.
    pub(crate) dtls: String,
    pub(crate) group: String,
    pub(crate) suite: String,
    pub(crate) srtp_profile: String,
    /// Whether the peer exported the same keys; `None` where it can't tell.
    pub(crate) keys_equal: Option<bool>,
    /// Whether media went both ways; `None` where there is none.
    pub(crate) media: Option<bool>,
    pub(crate) result: Outcome,
    pub(crate) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    Fail,
    /// The peer is not installed.
    Absent,
}

impl Row {
    /// A peer that is not here, and how it would be.
    pub(crate) fn absent(peer: &str, install: &str) -> Self {
        Self {
            peer: peer.to_owned(),
            version: String::new(),
            role: "",
            dtls: String::new(),
            group: String::new(),
            suite: String::new(),
            srtp_profile: String::new(),
            keys_equal: None,
            media: None,
            result: Outcome::Absent,
            detail: install.to_owned(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "peer": self.peer,
            "version": self.version,
            "role": self.role,
            "dtls": self.dtls,
            "group": self.group,
            "suite": self.suite,
            "srtp_profile": self.srtp_profile,
            "keys_equal": self.keys_equal,
            "media": self.media,
            "result": self.result.to_string(),
            "detail": self.detail,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Absent => "absent",
        })
    }
}

/// Prints all rows as one table, and how many there are of each kind.
pub(crate) fn print_table(rows: &[Row]) {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "peer",
        "version",
        "we are",
        "DTLS",
        "group",
        "cipher suite",
        "SRTP profile",
        "keys equal",
        "media",
        "result",
        "detail",
    ]);
    for row in rows {
        let answer = |answer: Option<bool>| match answer {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        table.add_row([
            row.peer.as_str(),
            &row.version,
            row.role,
            &row.dtls,
            &row.group,
            &row.suite,
            &row.srtp_profile,
            answer(row.keys_equal),
            answer(row.media),
            &row.result.to_string(),
            &row.detail,
        ]);
    }
    println!("{table}");
    let count = |outcome| rows.iter().filter(|row| row.result == outcome).count();
    println!(
        "\n{} pass, {} fail, {} absent",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Absent)
    );
}
