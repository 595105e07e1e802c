//! Linux network namespaces: hosts of their own, on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Why no namespace can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The program `ip` is not installed.
    Ip,
    /// This user may not make namespaces.
    Root,
}

/// A network namespace with its loopback up. It goes when this value is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

/// The address of the host in [`Namespace::with_route`]. Browsers do not check candidates on
/// 127.0.0.1.
pub const HOST: &str = "10.77.0.1";

/// Where its default route goes.
const ROUTE: &str = "10.77.0.2";

/// Set in the copy of a test program that runs inside a namespace.
const INSIDE: &str = "PORTCULLIS_INSIDE_NAMESPACE";

/// Runs `body` in a network namespace with one address and a default route: in a copy of this test
/// program that runs the test of this name alone, with these variables set. `prepare` gives them, and
/// does what can't be done inside, such as building programs.
///
/// # Panics
///
/// If it fails there, or no namespace can be made.
pub fn inside(
    test: &str,
    prepare: impl FnOnce() -> Vec<(&'static str, PathBuf)>,
    body: impl FnOnce(),
) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let variables = prepare();
    let made = Namespace::with_route();
    let (host, _nowhere) = made.unwrap_or_else(|missing| panic!("{missing}"));
    let status = host
        .command(std::env::current_exe().expect("this test has a path"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .envs(variables)
        .status()
        .expect("the copy runs");
    assert!(
        status.success(),
        "{test} failed inside its namespace, see above"
    );
}

/// Tells two namespaces of this process apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

impl Namespace {
    /// Makes a namespace.
    ///
    /// # Errors
    ///
    /// Says what this machine lacks.
    pub fn new() -> Result<Self, Missing> {
        if !["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"]
            .iter()
            .any(|ip| Path::new(ip).exists())
        {
            return Err(Missing::Ip);
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("portcullis-{}-{number}", std::process::id());
        let made = Command::new("ip")
            .args(["netns", "add", &name])
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err(Missing::Root);
        }
        let namespace = Self { name };
        namespace.ip("link set lo up");
        Ok(namespace)
    }

    /// What `ip` knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a namespace with one address and a default route, without which Firefox gathers no
    /// candidates. The route goes to the other namespace, where nobody is.
    ///
    /// # Errors
    ///
    /// Says what this machine lacks.
    pub fn with_route() -> Result<(Self, Self), Missing> {
        let (host, nowhere) = (Self::new()?, Self::new()?);
        host.join(&format!("{HOST}/24"), &nowhere, &format!("{ROUTE}/24"));
        host.ip(&format!("route add default via {ROUTE}"));
        Ok((host, nowhere))
    }

    /// Runs `ip` with these arguments inside.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn ip(&self, arguments: &str) {
        let status = Command::new("ip")
            .args(["-n", &self.name])
            .args(arguments.split_whitespace())
            .status()
            .expect("ip runs");
        assert!(
            status.success(),
            "ip -n {} {arguments}: {status}",
            self.name
        );
    }

    /// Connects this namespace with another: interface `v0` at each end, with these addresses.
    pub fn join(&self, address: &str, other: &Self, other_address: &str) {
        self.join_by("v0", address, other, other_address);
    }

    /// As [`Self::join`], with an interface of this name at our end.
    pub fn join_by(&self, interface: &str, address: &str, other: &Self, other_address: &str) {
        self.ip(&format!(
            "link add {interface} type veth peer name v0 netns {}",
            other.name
        ));
        let ends = [(self, interface, address), (other, "v0", other_address)];
        for (namespace, interface, address) in ends {
            namespace.ip(&format!("addr add {address} dev {interface}"));
            namespace.ip(&format!("link set {interface} up"));
        }
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name])
            .arg(program.as_ref());
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What still runs inside, such as a part of a browser, goes with it.
        let pids = Command::new("ip")
            .args(["netns", "pids", &self.name])
            .output();
        let pids = pids.map(|output| output.stdout).unwrap_or_default();
        let pids = String::from_utf8_lossy(&pids).into_owned();
        if !pids.trim().is_empty() {
            let _ = Command::new("kill")
                .arg("-KILL")
                .args(pids.split_whitespace())
                .status();
        }
        // What it leaves behind is an empty namespace, until the machine restarts.
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ip => "the program `ip` is not here; install it with `apt-get install iproute2`",
            Self::Root => "network namespaces need root; run it as root, on Linux",
        })
    }
}

impl std::error::Error for Missing {}
