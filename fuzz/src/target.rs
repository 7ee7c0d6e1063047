//! Runs a target: its corpus first, then generated inputs.

use std::cell::RefCell;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::corpus::Corpus;

/// The seed of runs that nobody asked to be longer: CI is to repeat itself.
const SEED: u64 = 20_261_123;
/// Making a failing input smaller ends after this many tries, or milliseconds.
const MAX_SHRINK_TRIES: u32 = 4_096;
const MAX_SHRINK_MILLIS: u32 = 20_000;
/// Of a failing input the message shows this many characters; the file has all of it.
const MAX_SHOWN: usize = 2_000;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name, and the folder of its corpus below `fuzz/corpus`.
    pub name: &'static str,
    /// The path of the test function, as [`std::any::type_name_of_val`] gives it: a run in
    /// processes of its own starts this test in them.
    pub test: &'static str,
    /// Generated inputs of a run, unless the environment says otherwise: about a second's worth.
    pub cases: u32,
}

impl Target {
    /// The stored inputs, for strategies that change them.
    #[must_use]
    pub fn stored(&self) -> Vec<Vec<u8>> {
        let inputs = Corpus::of(self.name).inputs();
        inputs.into_iter().map(|(_, input)| input).collect()
    }

    /// Runs the target. `check` asserts what must be true of any input whatever.
    ///
    /// # Panics
    /// When an assertion fails: for a stored input with that panic, after its file is printed; for
    /// a generated one with the file that the smallest failing input was kept in.
    pub fn run(&self, inputs: impl Strategy<Value = Vec<u8>>, check: impl FnMut(&[u8])) {
        let began = Instant::now();
        let seconds = variable("FUZZ_SECONDS").map(Duration::from_secs);
        let check = RefCell::new(check);
        let corpus = Corpus::of(self.name);
        let mut executions = 0;
        for (path, input) in corpus.inputs() {
            let checked = catch_unwind(AssertUnwindSafe(|| check.borrow_mut()(&input)));
            if let Err(panic) = checked {
                println!("fuzz target {}: {} fails", self.name, path.display());
                resume_unwind(panic);
            }
            executions += 1;
        }
        let config = self.config(seconds.is_some());
        loop {
            let result = TestRunner::new(config.clone()).run(&inputs, |input| {
                check.borrow_mut()(&input);
                Ok(())
            });
            match result {
                Ok(()) => executions += u64::from(config.cases),
                Err(TestError::Fail(reason, input)) => self.fail(&corpus, &input, reason.message()),
                Err(TestError::Abort(reason)) => panic!("fuzz target {}: {reason}", self.name),
            }
            if seconds.is_none_or(|seconds| began.elapsed() >= seconds) {
                break;
            }
        }
        self.report(executions, began.elapsed());
    }

    fn config(&self, is_long: bool) -> Config {
        let mut config = Config::default();
        if variable("PROPTEST_CASES").is_none() {
            config.cases = self.cases;
        }
        if config.rng_seed == RngSeed::Random && !is_long {
            config.rng_seed = RngSeed::Fixed(SEED);
        }
        Config {
            // Inputs are kept, not seeds: a seed gives another input once the strategy changes.
            failure_persistence: None,
            max_shrink_iters: MAX_SHRINK_TRIES,
            max_shrink_time: MAX_SHRINK_MILLIS,
            test_name: Some(self.test),
            ..config
        }
    }

    fn fail(&self, corpus: &Corpus, input: &[u8], reason: &str) -> ! {
        let kept = match corpus.keep(input) {
            Ok(path) => path.display().to_string(),
            Err(error) => format!("no file ({error}): {input:?}"),
        };
        let text = String::from_utf8_lossy(input);
        let shown: String = text.chars().take(MAX_SHOWN).collect();
        panic!(
            "fuzz target {}: {reason}\nThe input is kept in {kept}; every run begins with \
                it:\n{shown}",
            self.name
        );
    }

    /// One line for `cargo xtask fuzz`, whose targets all append to one file.
    fn report(&self, executions: u64, elapsed: Duration) {
        let Some(file) = std::env::var_os("FUZZ_REPORT") else {
            return;
        };
        let line = format!("{}\t{executions}\t{}\n", self.name, elapsed.as_secs());
        let written = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&file)
            .and_then(|mut report| report.write_all(line.as_bytes()));
        if let Err(error) = written {
            println!("{} cannot be written: {error}", file.display());
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
