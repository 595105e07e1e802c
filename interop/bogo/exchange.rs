//! One connection as a test scripts it: handshake, exports, the echo of application data, the end.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{AlertDescription, Certificate, Connection, Event};

use crate::flags::Flags;
use crate::settings::{self, SettingsError, Verifier};
use crate::transport::{Command, Transport};

/// Why a test ended badly; its `Debug` text is what the runner's `ErrorMap` reads.
#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug, by the runner")]
pub(crate) enum Failure {
    /// The settings that the flags ask for don't exist.
    Settings(SettingsError),
    /// The connection to the runner broke.
    Io(io::Error),
    /// The stack gave up.
    Dtls(dtls::Error),
    /// The runner closed the stream in mid-handshake.
    ClosedDuringHandshake,
    /// Something could not be exported.
    Export(dtls::ExportError),
    /// Application data was not taken.
    Send(dtls::SendError),
    /// The next timeout is not where the runner expects it.
    TimeoutMismatch {
        expected: Option<Duration>,
        actual: Option<Duration>,
    },
    /// Another certificate was used than the test expects.
    WrongCredential { expected: i32, actual: i32 },
    /// Another application protocol was agreed on than the test expects.
    WrongProtocol {
        expected: String,
        actual: Option<Vec<u8>>,
    },
    /// The client asked for another host than the test expects.
    WrongServerName {
        expected: String,
        actual: Option<String>,
    },
    /// Nobody judged the peer's certificate.
    Unverified,
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<dtls::Error> for Failure {
    fn from(e: dtls::Error) -> Self {
        Self::Dtls(e)
    }
}

impl From<dtls::SendError> for Failure {
    fn from(e: dtls::SendError) -> Self {
        Self::Send(e)
    }
}

/// Runs the test that `flags` describe.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let transport = Transport::connect(flags.ipv6, flags.port, flags.shim_id)?;
    let now = Instant::now();
    let certificates = settings::certificates(flags).map_err(Failure::Settings)?;
    let verifier = Arc::new(Verifier::new(flags));
    let connection = settings::connection(flags, &certificates, &verifier, now);
    let connection = connection.map_err(Failure::Settings)?;
    let mut exchange = Exchange {
        flags,
        transport,
        certificates,
        verifier,
        connection,
        now,
        inbox: VecDeque::new(),
        closed: false,
    };
    let result = exchange.script();
    // An alert may still be on its way out.
    let flushed = exchange.flush();
    exchange.transport.finish();
    result.and(flushed)
}

struct Exchange<'a> {
    flags: &'a Flags,
    transport: Transport,
    certificates: Vec<Arc<Certificate>>,
    verifier: Arc<Verifier>,
    connection: Connection,
    /// The virtual clock: only the runner moves it.
    now: Instant,
    inbox: VecDeque<Vec<u8>>,
    closed: bool,
}

impl Exchange<'_> {
    fn script(&mut self) -> Result<(), Failure> {
        self.flush()?;
        while self.connection.info().is_none() {
            if !self.step()? {
                return Err(Failure::ClosedDuringHandshake);
            }
        }
        self.check_expectations()?;
        self.export()?;
        if self.flags.send_alert {
            self.connection
                .abort(AlertDescription::DECOMPRESSION_FAILURE);
            return self.flush();
        }
        if self.flags.writes_first {
            self.connection.send(self.now, b"hello")?;
        }
        if !self.flags.shuts_down {
            self.echo()?;
        }
        self.connection.close(self.now);
        self.flush()
    }

    fn check_expectations(&self) -> Result<(), Failure> {
        let info = self
            .connection
            .info()
            .expect("invariant: the handshake is complete");
        if let Some(expected) = &self.flags.expect_alpn
            && info.alpn.as_deref() != Some(expected.as_bytes())
        {
            let (expected, actual) = (expected.clone(), info.alpn.clone());
            return Err(Failure::WrongProtocol { expected, actual });
        }
        if let Some(expected) = &self.flags.expect_server_name
            && info.server_name.as_ref() != Some(expected)
        {
            let (expected, actual) = (expected.clone(), info.server_name.clone());
            return Err(Failure::WrongServerName { expected, actual });
        }
        if self.flags.expect_verify_result
            && info.peer_certificate.is_some()
            && !self.verifier.was_asked()
        {
            return Err(Failure::Unverified);
        }
        let Some(expected) = self.flags.expect_selected_credential else {
            return Ok(());
        };
        // The default credential, which stands behind the others, is the runner's number -1.
        let numbered = &self.certificates[..self.flags.credentials.len()];
        let selected = numbered
            .iter()
            .position(|c| c.fingerprint_sha256() == info.local_fingerprint);
        let actual = selected.map_or(-1, |index| index as i32);
        if actual != expected {
            return Err(Failure::WrongCredential { expected, actual });
        }
        Ok(())
    }

    fn export(&mut self) -> Result<(), Failure> {
        let export = &self.flags.export;
        if export.length == 0 {
            return Ok(());
        }
        let mut out = vec![0; export.length];
        self.connection
            .export_keying_material(
                &mut out,
                export.label.as_bytes(),
                export.with_context.then_some(export.context.as_bytes()),
            )
            .map_err(Failure::Export)?;
        Ok(self.connection.send(self.now, &out)?)
    }

    /// Sends every message back with its bits flipped, until the runner closes.
    fn echo(&mut self) -> Result<(), Failure> {
        loop {
            if self.flags.key_update_before_read {
                self.connection.request_key_update(self.now, false)?;
            }
            self.flush()?;
            let mut message = loop {
                if let Some(message) = self.inbox.pop_front() {
                    break message;
                }
                if self.closed || !self.step()? {
                    return Ok(());
                }
            };
            message.iter_mut().for_each(|byte| *byte ^= 0xff);
            if self.flags.key_update {
                self.connection.request_key_update(self.now, false)?;
            }
            self.connection.send(self.now, &message)?;
            self.flush()?;
        }
    }

    /// Carries out one command of the runner; `false` at the end of its stream.
    fn step(&mut self) -> Result<bool, Failure> {
        match self.transport.receive()? {
            Command::Datagram(mut datagram) => {
                self.connection.handle_datagram(self.now, &mut datagram)?;
            }
            Command::Timeout(elapsed) => {
                self.transport.acknowledge_timeout()?;
                self.now += elapsed;
                self.run_timers()?;
            }
            Command::SetMtu(mtu) => self.connection.set_mtu(mtu),
            Command::ExpectTimeout(expected) => self.check_timeout(expected)?,
            Command::SetInitialTimeout(initial) => {
                let retransmit = settings::retransmit(initial);
                self.connection.set_retransmit(retransmit);
            }
            Command::EndOfStream => return Ok(false),
        }
        self.take_events();
        self.flush()?;
        Ok(true)
    }

    fn run_timers(&mut self) -> Result<(), Failure> {
        while self
            .connection
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            self.connection.handle_timeout(self.now)?;
            self.flush()?;
        }
        Ok(())
    }

    fn check_timeout(&self, expected: Option<Duration>) -> Result<(), Failure> {
        let actual = self
            .connection
            .poll_timeout()
            .map(|due| due.saturating_duration_since(self.now));
        if actual.map(|d| d.as_micros()) == expected.map(|d| d.as_micros()) {
            return Ok(());
        }
        Err(Failure::TimeoutMismatch { expected, actual })
    }

    fn take_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::ApplicationData(data) => self.inbox.push_back(data),
                Event::Closed => self.closed = true,
                _ => {}
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 1 << 16];
        while let Some(len) = self.connection.poll_transmit(self.now, &mut buffer) {
            self.transport.send_datagram(&buffer[..len])?;
        }
        Ok(())
    }
}
