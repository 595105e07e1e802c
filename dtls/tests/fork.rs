//! T-CRY-09: a process that forks does not give its random bytes twice. In a file of its own, so that no other thread is in the midst
//! of something when this process forks.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};

use dtls::crypto::{CryptoProvider, providers};

unsafe extern "C" {
    fn fork() -> i32;
    fn _exit(status: i32) -> !;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
}

fn random(provider: &dyn CryptoProvider) -> [u8; 32] {
    let mut bytes = [0; 32];
    provider.fill_random(&mut bytes).expect("random bytes");
    bytes
}

/// What a child process that starts as a copy of this one draws next.
fn random_of_child(provider: &dyn CryptoProvider) -> [u8; 32] {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    // SAFETY: the child calls the provider, writes to a pipe and ends without coming back.
    let process = unsafe { fork() };
    assert!(process >= 0, "fork");
    if process == 0 {
        let is_written = writer.write_all(&random(provider)).is_ok();
        // SAFETY: it ends the child at once, and nothing of it is used afterwards.
        unsafe { _exit(i32::from(!is_written)) }
    }
    drop(writer);
    let mut bytes = [0; 32];
    reader
        .read_exact(&mut bytes)
        .expect("32 bytes of the child");
    let mut status = -1;
    // SAFETY: the child is ours, and `status` outlives the call.
    let ended = unsafe { waitpid(process, &mut status, 0) };
    assert_eq!((ended, status), (process, 0));
    bytes
}

#[test]
fn t_cry_09_forked_processes_draw_other_random_bytes() {
    for provider in providers() {
        // Whatever state there is exists before the fork.
        let mut drawn = vec![random(&*provider)];
        for _ in 0..3 {
            drawn.push(random_of_child(&*provider));
            drawn.push(random(&*provider));
        }
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 7, "{}", provider.name());
    }
}
