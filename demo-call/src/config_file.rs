//! Options from a file: they are put before those of the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Error, plain};

/// The options that may have a file, each of which has keys of its own in it.
const COMMANDS: [&str; 2] = ["listen", "dial"];

/// `arguments` with what the file says that `--config` names in them, less what they say themselves.
pub(crate) fn with_config(arguments: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    let Some(path) = config(&arguments) else {
        return Ok(arguments);
    };
    let usage = |reason: String| Error::Usage(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| usage(plain(&error)))?;
    let options = text
        .parse::<Table>()
        .map_err(|error| usage(error.message().to_owned()))?;
    let is_command = |it: &OsString| COMMANDS.iter().any(|name| it == name);
    // The options of a command stand behind it.
    let at = arguments.iter().position(is_command).map_or(1, |at| at + 1);
    let mut all = arguments[..at.min(arguments.len())].to_vec();
    for (key, value) in &options {
        if !is_given(key, &arguments) {
            all.extend(option(key, value).map_err(usage)?);
        }
    }
    all.extend_from_slice(&arguments[at.min(arguments.len())..]);
    Ok(all)
}

/// The file that `--config` names.
fn config(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        let joined = argument
            .to_str()
            .and_then(|it| it.strip_prefix("--config="));
        if let Some(path) = joined {
            return Some(Path::new(path).to_owned());
        }
    }
    None
}

/// Whether the command line has this option.
fn is_given(key: &str, arguments: &[OsString]) -> bool {
    let is_it = |argument: &OsString| {
        let name = argument.to_str().and_then(|it| it.strip_prefix("--"));
        name.is_some_and(|it| it.split('=').next() == Some(key))
    };
    arguments.iter().any(is_it)
}

/// An option as the command line has it: a list repeats it, `true` gives it without a value.
fn option(key: &str, value: &Value) -> Result<Vec<OsString>, String> {
    let name = format!("--{key}");
    Ok(match value {
        Value::Boolean(false) => Vec::new(),
        Value::Boolean(true) => vec![name.into()],
        Value::String(text) => vec![format!("{name}={text}").into()],
        Value::Integer(number) => vec![format!("{name}={number}").into()],
        Value::Array(values) => {
            let options: Result<Vec<_>, _> = values.iter().map(|it| option(key, it)).collect();
            options?.concat()
        }
        _ => {
            return Err(format!(
                "{key} must be a text, a number, true, false, or a list"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(file: &str, arguments: &[&str]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("c.toml");
        fs::write(&path, file).expect("it is written");
        let config = format!("--config={}", path.display());
        let arguments = [&["demo-call"], arguments, &[config.as_str()]].concat();
        let all = with_config(arguments.iter().map(OsString::from).collect());
        let all = all.map_err(|error| error.to_string())?.into_iter();
        let all = all.filter(|it| !it.to_string_lossy().starts_with("--config"));
        Ok(all.map(|it| it.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn the_file_stands_behind_the_command_and_yields_to_the_command_line() {
        let file = "http = \"[::]:8080\"\nrecord-minutes = 5\nplay = \"a.ogg\"\nfast = false\njson = true\ngroup = [\"x25519\", \"p-256\"]";
        let all = expanded(file, &["listen", "--play", "b.ogg"]);
        let expected = "demo-call listen --group=x25519 --group=p-256 --http=[::]:8080 --json --record-minutes=5 --play b.ogg";
        assert_eq!(all.map(|it| it.join(" ")).as_deref(), Ok(expected));
    }

    #[test]
    fn a_file_that_can_not_be_read_is_named() {
        for (file, reason) in [
            ("http = ", "string values must be quoted"),
            ("http = 1.5", "http must be"),
        ] {
            let error = expanded(file, &["listen"]).expect_err(file);
            assert!(
                error.contains("c.toml: ") && error.contains(reason),
                "{error}"
            );
        }
        let arguments = ["demo-call", "--config", "/absent.toml"].map(OsString::from);
        let error = with_config(arguments.to_vec()).expect_err("it is not there");
        assert_eq!(error.to_string(), "/absent.toml: does not exist");
    }
}
