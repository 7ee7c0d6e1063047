//! Each call in turn is broken, answered late, or answered and cut: a further run completes, and
//! nothing is made twice.

use std::time::Duration;

use capillary_aep_sink::provision::{Ending, Mode};
use conformance::simulator::{Fault, OrganizationConfig, Status, Step, Target};

use crate::bench::{Bench, whole};

/// More calls than a whole run makes.
const ENOUGH: u32 = 400;

fn after(calls: u32, fault: Step) -> Vec<Step> {
    let mut steps = Vec::new();
    if calls > 0 {
        steps.push(Step::new(Target::Platform, Fault::Pass).times(calls));
    }
    steps.push(fault);
    steps
}

/// Plays a run for each of its calls, with the fault at that call. With `dies`, the platform is
/// away from there on, as if the run were killed; a second run then goes on. With a stride, for
/// some of its calls only.
async fn every_call(
    fault: impl Fn() -> Step,
    organization: OrganizationConfig,
    dies: bool,
    stride: usize,
) {
    for calls in (0..ENOUGH).step_by(stride) {
        let mut bench = Bench::with(organization.clone()).await;
        for step in after(calls, fault()) {
            bench.simulator.add_fault(step);
        }
        if dies {
            let away = Fault::status(Status::try_from(503).unwrap());
            let away = Step::new(Target::Platform, away).forever();
            bench.simulator.add_fault(away);
        }
        let run = bench.run(Mode::Apply).await;
        // The fault was not reached: every call had its turn.
        if bench.simulator.faults_left().steps.len() > usize::from(dies) {
            assert_eq!(run.ending, Ending::Done, "{}", run.text);
            assert!(calls > 40, "only {calls} calls");
            return;
        }
        bench.simulator.clear_faults();
        if run.ending != Ending::Done {
            assert!(dies, "call {calls}: {}", run.text);
            assert_eq!(run.ending, Ending::Failed, "call {calls}: {}", run.text);
            bench.apply().await;
        }
        assert_eq!(bench.counts(), whole(), "call {calls}");
    }
    panic!("a run has more than {ENOUGH} calls");
}

fn cut() -> Step {
    Step::new(Target::Platform, Fault::ResetAfterBody { accept: true })
}

#[tokio::test]
async fn a_call_that_is_broken_is_made_again() {
    let broken = || {
        let status = Status::try_from(500).unwrap();
        Step::new(Target::Platform, Fault::status(status))
    };
    every_call(broken, OrganizationConfig::default(), false, 1).await;
}

#[tokio::test]
async fn a_call_whose_answer_is_cut_makes_nothing_twice() {
    every_call(cut, OrganizationConfig::default(), false, 1).await;
}

#[tokio::test]
async fn a_call_that_is_answered_too_late_makes_nothing_twice() {
    let late = || {
        let late = Step::new(Target::Platform, Fault::Pass);
        late.answer_delay(Duration::from_millis(400))
    };
    every_call(late, OrganizationConfig::default(), false, 1).await;
}

#[tokio::test]
async fn a_run_that_dies_at_any_call_is_gone_on_with() {
    every_call(cut, OrganizationConfig::default(), true, 3).await;
}

#[tokio::test]
async fn what_does_not_show_in_lists_yet_is_not_made_twice() {
    let organization = OrganizationConfig {
        shows_after: 3,
        ..OrganizationConfig::default()
    };
    every_call(cut, organization, false, 7).await;
}

#[tokio::test]
async fn throttled_calls_wait_as_long_as_they_are_told() {
    let mut bench = Bench::new().await;
    let throttled = Fault::Status {
        status: Status::try_from(429).unwrap(),
        retry_after: Some("1".to_owned()),
        body: None,
        accept: false,
    };
    bench
        .simulator
        .add_fault(Step::new(Target::Platform, throttled).times(3));
    bench.apply().await;
    assert_eq!(bench.counts(), whole());
}
