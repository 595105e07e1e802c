//! The runner's command line.

use std::path::PathBuf;

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credential {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) signing_prefs: Vec<u16>,
}

/// The keying material a test wants exported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Export {
    pub(crate) length: usize,
    pub(crate) label: String,
    pub(crate) context: String,
    /// Without it the context is none, which is not the same as an empty one.
    pub(crate) with_context: bool,
}

/// Everything a test asks for. Version numbers are those on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) port: u16,
    pub(crate) shim_id: u64,
    pub(crate) ipv6: bool,
    pub(crate) server: bool,
    /// In order of preference.
    pub(crate) credentials: Vec<Credential>,
    /// The last resort.
    pub(crate) default_credential: Option<Credential>,
    pub(crate) verify_peer: bool,
    pub(crate) verify_fail: bool,
    pub(crate) custom_verify_callback: bool,
    pub(crate) require_client_certificate: bool,
    pub(crate) mtu: Option<usize>,
    pub(crate) initial_timeout_ms: Option<u64>,
    pub(crate) min_version: Option<u16>,
    pub(crate) max_version: Option<u16>,
    pub(crate) no_dtls12: bool,
    pub(crate) no_dtls13: bool,
    pub(crate) srtp_profiles: Option<String>,
    pub(crate) groups: Vec<u16>,
    pub(crate) verify_prefs: Vec<u16>,
    pub(crate) export: Export,
    pub(crate) send_alert: bool,
    pub(crate) writes_first: bool,
    pub(crate) shuts_down: bool,
    pub(crate) no_ticket: bool,
    pub(crate) key_update: bool,
    pub(crate) key_update_before_read: bool,
    pub(crate) max_cert_list: Option<u16>,
    pub(crate) expect_selected_credential: Option<i32>,
    /// What a client offers, or a server chooses.
    pub(crate) alpn: Vec<String>,
    pub(crate) expect_alpn: Option<String>,
    pub(crate) host_name: Option<String>,
    pub(crate) expect_server_name: Option<String>,
    pub(crate) expect_verify_result: bool,
}

/// A flag that the shim doesn't know, or one whose value is missing or no number.
#[derive(Debug)]
pub(crate) struct Unimplemented(pub(crate) String);

impl Flags {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Self, Unimplemented> {
        let mut flags = Self::default();
        let mut args = Arguments(args);
        while let Some(flag) = args.0.next() {
            flags.apply(&flag, &mut args)?;
        }
        Ok(flags)
    }

    fn apply(
        &mut self,
        flag: &str,
        args: &mut Arguments<impl Iterator<Item = String>>,
    ) -> Result<(), Unimplemented> {
        match flag {
            "-port" => self.port = args.number(flag)?,
            "-shim-id" => self.shim_id = args.number(flag)?,
            "-ipv6" => self.ipv6 = true,
            "-dtls" => {}
            "-server" => self.server = true,
            "-verify-peer" => self.verify_peer = true,
            "-verify-fail" => self.verify_fail = true,
            "-use-custom-verify-callback" => self.custom_verify_callback = true,
            "-require-any-client-certificate" => self.require_client_certificate = true,
            "-mtu" => self.mtu = Some(args.number(flag)?),
            "-initial-timeout-duration-ms" => self.initial_timeout_ms = Some(args.number(flag)?),
            "-min-version" => self.min_version = Some(args.number(flag)?),
            "-max-version" => self.max_version = Some(args.number(flag)?),
            "-no-tls12" => self.no_dtls12 = true,
            "-no-tls13" => self.no_dtls13 = true,
            "-srtp-profiles" => self.srtp_profiles = Some(args.text(flag)?),
            "-curves" => self.groups.push(args.number(flag)?),
            "-verify-prefs" => self.verify_prefs.push(args.number(flag)?),
            "-send-alert" => self.send_alert = true,
            "-shim-writes-first" => self.writes_first = true,
            "-shim-shuts-down" => self.shuts_down = true,
            "-no-ticket" => self.no_ticket = true,
            "-key-update" => self.key_update = true,
            "-key-update-before-read" => self.key_update_before_read = true,
            "-advertise-alpn" => self.alpn.extend(protocols(&args.text(flag)?)),
            "-select-alpn" => self.alpn.push(args.text(flag)?),
            "-host-name" => self.host_name = Some(args.text(flag)?),
            "-expect-server-name" => self.expect_server_name = Some(args.text(flag)?),
            "-expect-alpn" => self.expect_alpn = Some(args.text(flag)?),
            "-expect-verify-result" => self.expect_verify_result = true,
            "-max-cert-list" => self.max_cert_list = Some(args.number(flag)?),
            "-expect-selected-credential" => {
                self.expect_selected_credential = Some(args.number(flag)?);
            }
            _ if self.is_credential(flag, args)? || self.is_export(flag, args)? => {}
            // Versions before 1.2 do not exist here.
            "-no-tls1" | "-no-tls11" => {}
            // Certificates are checked by fingerprint: a root of trust says nothing.
            "-trust-cert" => drop(args.text(flag)?),
            // A core without I/O has no asynchronous mode, callbacks always answer at once, whichever
            // they are, and nothing here resumes a session or issues a ticket.
            "-async"
            | "-implicit-handshake"
            | "-use-old-client-cert-callback"
            | "-expect-no-session" => {}
            _ => return Err(Unimplemented(flag.to_owned())),
        }
        Ok(())
    }

    fn is_credential(
        &mut self,
        flag: &str,
        args: &mut Arguments<impl Iterator<Item = String>>,
    ) -> Result<bool, Unimplemented> {
        match flag {
            "-new-x509-credential" => self.credentials.push(Credential::default()),
            "-cert-file" => self.credential().cert_file = args.text(flag)?.into(),
            "-key-file" => self.credential().key_file = args.text(flag)?.into(),
            "-signing-prefs" => {
                let scheme = args.number(flag)?;
                self.credential().signing_prefs.push(scheme);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn is_export(
        &mut self,
        flag: &str,
        args: &mut Arguments<impl Iterator<Item = String>>,
    ) -> Result<bool, Unimplemented> {
        let export = &mut self.export;
        match flag {
            "-export-keying-material" => export.length = args.number(flag)?,
            "-export-label" => export.label = args.text(flag)?,
            "-export-context" => export.context = args.text(flag)?,
            "-use-export-context" => export.with_context = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn credential(&mut self) -> &mut Credential {
        // Before the first new credential the flags speak of the default one.
        match self.credentials.last_mut() {
            Some(credential) => credential,
            None => self.default_credential.get_or_insert_default(),
        }
    }
}

/// The names in a list of application protocols, each behind its length.
fn protocols(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = list;
    while let Some(length) = rest.bytes().next() {
        let end = (1 + usize::from(length)).min(rest.len());
        names.push(rest[1..end].to_owned());
        rest = &rest[end..];
    }
    names
}

struct Arguments<I>(I);

impl<I: Iterator<Item = String>> Arguments<I> {
    fn text(&mut self, flag: &str) -> Result<String, Unimplemented> {
        self.0
            .next()
            .ok_or_else(|| Unimplemented(format!("{flag} without a value")))
    }

    fn number<T: std::str::FromStr>(&mut self, flag: &str) -> Result<T, Unimplemented> {
        let text = self.text(flag)?;
        text.parse()
            .map_err(|_| Unimplemented(format!("{flag} {text}")))
    }
}
