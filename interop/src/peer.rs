//! What peers that are programs in Rust share: they take arguments, and tell the matrix on stdout
//! how it went (`interop/README.md`).

use std::error::Error;
use std::process::ExitCode;

/// The arguments of the program.
///
/// # Errors
///
/// If there are more or fewer.
pub fn arguments<const COUNT: usize>() -> Result<[String; COUNT], Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments = arguments.try_into();
    arguments.map_err(|_| format!("{COUNT} arguments are needed").into())
}

/// Tells the keys of DTLS-SRTP, as the peer exports them.
pub fn tell_keys(keys: &[u8]) {
    let hex: String = keys.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("ekm {hex}");
}

/// Tells the error if there is one, and ends the program.
pub fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error {error}");
            ExitCode::FAILURE
        }
    }
}
