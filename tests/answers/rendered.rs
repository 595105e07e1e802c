//! An answer in few words.

/// The session level, then each section: its m-line, its attributes, and a line for each codec.
pub(crate) fn rendered(answer: &str) -> String {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in answer.lines() {
        if line.starts_with("m=") {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    let text = blocks.iter().enumerate().map(|(index, block)| match index {
        0 => format!("session: {}\n", attributes(block).join(" | ")),
        _ => section(block),
    });
    text.collect()
}

fn section(lines: &[&str]) -> String {
    let attributes = attributes(lines);
    let (codecs, others): (Vec<_>, Vec<_>) = attributes.into_iter().partition(|attribute| {
        let names = ["rtpmap:", "fmtp:", "rtcp-fb:"];
        names.iter().any(|name| attribute.starts_with(name))
    });
    let connection = lines
        .get(1)
        .map_or("", |line| line.trim_start_matches("c=IN "));
    let mut text = format!("{} | {connection}\n  {}\n", lines[0], others.join(" | "));
    for attribute in codecs {
        let (name, value) = attribute.split_once(':').unwrap_or_default();
        let (number, value) = value.split_once(' ').unwrap_or_default();
        match name {
            "rtpmap" => text.push_str(&format!("  {number} {value}\n")),
            _ => {
                // Behind the codec that it belongs to, which is the last one.
                text.truncate(text.trim_end().len());
                text.push_str(&format!(" | {value}\n"));
            }
        }
    }
    text
}

/// Without what is random. What all sections of a transport have is one word.
fn attributes(lines: &[&str]) -> Vec<String> {
    let attributes: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("a="))
        .collect();
    let transport = ["ice-ufrag", "ice-pwd", "fingerprint"];
    let named = |attribute: &&&str, name: &str| {
        attribute
            .split_once(':')
            .is_some_and(|(found, _)| found == name)
    };
    let complete = transport
        .iter()
        .all(|name| attributes.iter().filter(|it| named(it, name)).count() == 1);
    let mut text = Vec::new();
    for attribute in &attributes {
        let name = attribute
            .split_once(':')
            .map_or(*attribute, |(name, _)| name);
        match name {
            "ice-ufrag" if complete => text.push("transport".to_owned()),
            "ice-pwd" | "fingerprint" if complete => {}
            "tls-id" | "ice-ufrag" | "ice-pwd" | "fingerprint" => text.push(format!("{name}:*")),
            "candidate" => text.push(name.to_owned()),
            _ => text.push((*attribute).to_owned()),
        }
    }
    text
}
