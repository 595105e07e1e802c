//! STUN and TURN servers that a host names to its callers, as `Link` headers (RFC 9725 §4.6).

use axum::http::HeaderValue;

/// Schemes of RFC 7064 and RFC 7065.
const SCHEMES: [&str; 4] = ["stun:", "stuns:", "turn:", "turns:"];

/// The `Link` header for a server given on the command line: a URL, for TURN followed by a user and a
/// password, separated by commas.
pub(crate) fn link(server: &str) -> Option<HeaderValue> {
    let mut parts = server.split(',');
    let url = parts.next()?;
    let plain = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_graphic() && !"<>\"\\".contains(c))
    };
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) || !server.split(',').all(plain) {
        return None;
    }
    let mut link = format!("<{url}>; rel=\"ice-server\"");
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => {}
        (Some(user), Some(password), None) => {
            link += &format!(
                "; username=\"{user}\"; credential=\"{password}\"; credential-type=\"password\""
            );
        }
        _ => return None,
    }
    HeaderValue::from_str(&link).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_become_links() {
        let links = [
            ("stun:host:3478", "<stun:host:3478>; rel=\"ice-server\""),
            (
                "turn:host?transport=udp,user,secret",
                "<turn:host?transport=udp>; rel=\"ice-server\"; username=\"user\"; \
                 credential=\"secret\"; credential-type=\"password\"",
            ),
        ];
        for (server, expected) in links {
            assert_eq!(link(server).expect(server), expected);
        }
        for server in [
            "http://host",
            "turn:host,user",
            "stun:a b",
            "stun:a>,b,c",
            "turn:h,u,\",x",
        ] {
            assert_eq!(link(server), None, "{server}");
        }
    }
}
