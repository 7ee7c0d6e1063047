//! A soak of the size of CI: the real connector under random faults.

use std::time::Duration;

use conformance::soak::Soak;

/// Records produced four times a second.
const PORTION: usize = 6;

async fn soak(seed: u64) {
    println!("seed {seed}: cargo xtask soak --minutes 0.8 --seed {seed}");
    let soak = Soak {
        lasts: Duration::from_secs(48),
        seed,
        spus: 3,
        portion: PORTION,
        logs: std::env::temp_dir().join(format!("soak-{seed}-{}", std::process::id())),
    };
    let logs = soak.logs.clone();
    let report = match soak.play(|line| println!("{line}")).await {
        Ok(report) => report,
        Err(error) => panic!("seed {seed}: {error}"),
    };
    assert!(report.is_clean(), "{report}");
    assert!(
        report.kills >= 3,
        "too few kills to prove anything:\n{report}"
    );
    println!("{report}");
    // Only a failed run's logs are worth keeping.
    std::fs::remove_dir_all(logs).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_lose_invent_change_and_reorder_nothing() {
    soak(20_260).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_fresh_seed_lose_nothing() {
    soak(fastrand::u64(..1_000_000)).await;
}
