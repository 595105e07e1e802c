//! Sockets of this process inside a namespace.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::thread;

use interop::namespace::Namespace;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Does something on a thread inside: the sockets that it makes stay there.
pub(crate) fn inside<R: Send>(host: &Namespace, act: impl FnOnce() -> R + Send) -> R {
    let link = format!("/run/netns/{}", host.name());
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let link = File::open(link).expect("the namespace is there");
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(link.as_fd(), network).expect("root may enter");
            act()
        });
        thread.join().expect("nothing fails inside")
    })
}

/// Writes a file of the kernel's inside, such as a `sysctl`.
pub(crate) fn set(host: &Namespace, file: &str, value: &str) {
    let script = format!("echo {value} > {file}");
    let status = host.command("sh").args(["-c", &script]).status();
    assert!(status.is_ok_and(|status| status.success()), "{script}");
}

/// A counter of a server, of which `host` has the port of its metrics.
pub(crate) fn metric(host: &Namespace, address: &str, name: &str) -> u64 {
    let text = inside(host, || {
        let mut connection = TcpStream::connect(address).expect("the metrics are served");
        write!(
            connection,
            "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .expect("it reads");
        let mut text = String::new();
        connection.read_to_string(&mut text).expect("it answers");
        text
    });
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|rest| rest.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} in {text}"))
}
