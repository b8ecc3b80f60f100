//! Calls with arguments: code runs only if it and its arguments arrived as they were sent.
//!
//! Each call has a random key. It reaches the machine as a file; code and arguments come by standard input, in pieces,
//! with an HMAC of them under that key. A stub of ours (`stub.py`) takes the key away, checks, says under the key
//! whether it accepts, and only then compiles the code. So input that was cut, repeated, swapped or altered on one road is
//! refused, before anything of it runs, and an answer without the stub's word is no answer.
//!
//! It proves no more than that: whoever sees both roads, as the service does and whoever breaks its TLS, knows the key.

use std::fmt::Write as _;

use airlock_sandbox::{Confinement, End, Job, Outcome, SandboxError, Stop};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

use crate::{
    CallError, E2bSandbox,
    client::random,
    sandbox::{broken, unavailable},
};

const STUB: &str = include_str!("stub.py");
/// The stub's word, and the end of its line.
const WORD: usize = 64 + 1;

/// Python code, and what it is called with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PythonCall {
    /// It finds the arguments in the global variable `arguments`. Its standard input is empty.
    pub code: String,
    /// As JSON has them.
    pub arguments: Value,
}

impl E2bSandbox {
    /// Runs code with arguments, in a fresh machine, if both arrived there as they were sent: an HMAC of them is checked
    /// inside before. It needs `python3` there.
    ///
    /// # Errors
    /// As of [`Sandbox::run`](airlock_sandbox::Sandbox::run). [`SandboxError::Unavailable`], too, if what arrived is not
    /// what was sent, and so did not run; [`SandboxError::Broken`] if nothing in the machine said that it checked that.
    pub fn call(
        &self,
        call: &PythonCall,
        confinement: &Confinement,
        stop: &Stop,
    ) -> Result<Outcome, SandboxError> {
        if confinement.folder.is_some() {
            return Err(unavailable("a call with arguments starts in the home there"));
        }
        let key = Key::random().ok_or_else(|| unavailable("this system gives no random numbers"))?;
        let payload = serde_json::to_vec(call).map_err(unavailable)?;
        let input = [key.sign("payload", &payload).as_bytes(), b"\n", &payload].concat();
        // In the home, where both the file and the program look first.
        let name = format!("airlock-{:016x}.key", random());
        let command = ["python3", "-I", "-c", STUB, &name].map(Into::into).to_vec();
        let job = Job { command, input, stop: stop.clone() };
        let most = confinement.limits.output;
        let hand_over = |lease: &crate::machines::Lease<'_>| -> Result<(), CallError> {
            lease.client().write_file(&lease.machine, &name, &key.0)
        };
        let outcome = self.run_prepared(&job, confinement, [most.saturating_add(WORD), most], hand_over)?;
        key.judge(outcome)
    }
}

/// The key of one call.
struct Key([u8; 32]);

impl Key {
    fn random() -> Option<Self> {
        let mut key = Self([0; 32]);
        rustls::crypto::ring::default_provider().secure_random.fill(&mut key.0).ok()?;
        Some(key)
    }

    /// As hexadecimal digits. What is signed for one purpose is not for another.
    fn sign(&self, purpose: &str, text: &[u8]) -> String {
        let mut digits = String::new();
        // No length of key is refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return digits };
        for part in [purpose.as_bytes(), b"\0", text] {
            mac.update(part);
        }
        for byte in mac.finalize().into_bytes() {
            // Writing to a text does not fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// What the code did, if it was the right code. The stub's word comes first, before any code runs that could say it.
    fn judge(&self, mut outcome: Outcome) -> Result<Outcome, SandboxError> {
        let is = |word: &[u8], purpose| word == [self.sign(purpose, b"").as_bytes(), b"\n"].concat();
        match outcome.stdout.get(..WORD) {
            Some(word) if is(word, "accepted") => {
                outcome.stdout.drain(..WORD);
                Ok(outcome)
            }
            Some(word) if is(word, "refused") => {
                Err(unavailable("what arrived in the machine is not what was sent, and did not run"))
            }
            // It was ended before the word came; nobody vouches for what else there is.
            None if [End::DeadlineExceeded, End::OutputExceeded].contains(&outcome.end) => {
                Ok(Outcome { stdout: Vec::new(), stderr: Vec::new(), ..outcome })
            }
            _ => Err(broken("nothing in the machine said that it checked what arrived")),
        }
    }
}

#[cfg(test)]
mod tests {
    use airlock_sandbox::{End, Enforcement, Outcome, SandboxError};

    use super::Key;

    fn outcome(end: End, stdout: &str) -> Outcome {
        let (stdout, enforcement) = (stdout.into(), Enforcement::default());
        Outcome { end, stdout, stderr: Vec::new(), enforcement }
    }

    #[test]
    fn it_is_hmac_sha_256() {
        // RFC 4231, case 2, has a shorter key; this one was computed by Python's `hmac`.
        let expected = "7ad0a7fe29e8638d3eaace3473e5561ed1044a82fea6f12775317c5656551b0a";
        assert_eq!(Key([7; 32]).sign("payload", b"{}"), expected);
    }

    #[test]
    fn only_the_word_of_this_call_counts_and_only_at_the_beginning() {
        let key = Key([7; 32]);
        let word = |key: &Key, word| format!("{}\n", key.sign(word, b""));
        let judge = |text: &str| key.judge(outcome(End::Exited(0), text));
        let accepted = word(&key, "accepted");
        assert_eq!(judge(&format!("{accepted}out")).unwrap().stdout, b"out");
        assert_eq!(judge(&accepted).unwrap().stdout, b"");
        let refused = word(&key, "refused");
        assert!(matches!(judge(&refused), Err(SandboxError::Unavailable { .. })));
        // The code says that it was refused: too late.
        assert!(judge(&format!("{accepted}{refused}")).is_ok());
        let other = word(&Key([8; 32]), "accepted");
        for odd in ["", "out", &format!("out{accepted}"), &other, &accepted[..64], &word(&key, "payload")] {
            assert!(matches!(judge(odd), Err(SandboxError::Broken { .. })), "{odd}");
        }
        for end in [End::DeadlineExceeded, End::OutputExceeded] {
            let ended = key.judge(outcome(end, &accepted[..9])).unwrap();
            assert_eq!((ended.end, ended.stdout.as_slice()), (end, b"".as_slice()));
            assert_eq!(key.judge(outcome(end, &accepted)).unwrap().end, end);
        }
        assert!(key.judge(outcome(End::DeadlineExceeded, &refused)).is_err());
    }

    #[test]
    fn each_call_has_its_own_key() {
        let key = || Key::random().unwrap().0;
        assert!(key() != key() && key() != [0; 32]);
    }
}
