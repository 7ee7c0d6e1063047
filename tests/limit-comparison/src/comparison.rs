//! The limit against its rivals, and the bounds it may have:
//! `cargo test -p limit-comparison -- --nocapture` prints the tables.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::ops::Range;

use tokio::time::Instant;

use crate::rivals::{Aimd, AimdWithLatency, Fixed, Gradient, Vegas};
use crate::simulation::{Algorithm, Fault, Inlet, Load, Run, play};
use capillary_aep_sink::config::Concurrency;
use capillary_aep_sink::delivery::concurrency_limit::ConcurrencyLimit;

/// Counts here are small: no float loses any of them.
fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The bound of all that adapt: the default.
const MOST: usize = 64;
const SECONDS: usize = 300;
/// The fixed numbers of which the best is taken.
const FIXED: [usize; 5] = [2, 8, 12, 32, 64];

const INLET: Inlet = Inlet {
    workers: |_| 16,
    network: |_| 0.08,
    work: |_, records| 0.12 + 0.0004 * as_f64(records),
    spread: 0.3,
    thrash: 0.0,
    queue: usize::MAX,
    admits: usize::MAX,
    rate: f64::INFINITY,
    fault: |_| Fault::None,
    outliers: 0.0,
};
const BACKLOG: Load = Load {
    rate: |_| f64::INFINITY,
    batch: 500,
};

/// Something an inlet does, and what there is to send.
struct Scene {
    name: &'static str,
    inlet: Inlet,
    load: Load,
    /// Seconds whose records count.
    counted: Range<usize>,
    /// When the trouble has ended.
    ends: Option<usize>,
}

fn scene(name: &'static str, inlet: Inlet) -> Scene {
    Scene {
        name,
        inlet,
        load: BACKLOG,
        counted: 0..SECONDS,
        ends: None,
    }
}

fn trouble(name: &'static str, ends: usize, inlet: Inlet) -> Scene {
    Scene {
        ends: Some(ends),
        ..scene(name, inlet)
    }
}

/// From the second 100 on, for half a minute.
fn outage(now: f64, fault: Fault) -> Fault {
    if (100.0..130.0).contains(&now) {
        fault
    } else {
        Fault::None
    }
}

#[rustfmt::skip] // a table
fn scenes() -> Vec<Scene> {
    vec![
        scene("16 workers", INLET),
        scene("2 workers", Inlet { workers: |_| 2, ..INLET }),
        scene("200 workers", Inlet { workers: |_| 200, ..INLET }),
        scene("8 workers, slower when crowded", Inlet { workers: |_| 8, thrash: 0.05, ..INLET }),
        scene("16 workers, scattered times", Inlet { spread: 1.0, ..INLET }),
        scene("429 above 20 requests a second", Inlet { workers: |_| 200, rate: 20.0, ..INLET }),
        scene("429 above 12 at once", Inlet { workers: |_| 200, admits: 12, ..INLET }),
        scene("503 when 8 work and 8 wait", Inlet { workers: |_| 8, queue: 8, ..INLET }),
        scene("one answer in 50 takes 30 s more", Inlet { outliers: 0.02, ..INLET }),
        trouble("32 workers, 4 for a minute", 160,
            Inlet { workers: |t| if (100.0..160.0).contains(&t) { 4 } else { 32 }, ..INLET }),
        trouble("the road gets ten times longer", 100, Inlet { network: |t| if t < 100.0 { 0.08 } else { 0.8 }, ..INLET }),
        trouble("the work gets five times longer", 100,
            Inlet { work: |t, n| (INLET.work)(t, n) * if t < 100.0 { 1.0 } else { 5.0 }, ..INLET }),
        trouble("half a minute without \
            connections", 130, Inlet { fault: |t| outage(t, Fault::Broken), ..INLET }),
        trouble("half a minute of 503", 130, Inlet { fault: |t| outage(t, Fault::Unavailable), ..INLET }),
        trouble("half a minute without answers", 130, Inlet { fault: |t| outage(t, Fault::Hangs), ..INLET }),
        Scene {
            load: Load { rate: |t| if t % 100.0 < 50.0 { 20.0 } else { f64::INFINITY }, batch: 500 },
            ..scene("small batches and large ones in turns",
                Inlet { workers: |_| 32, work: |_, n| 0.04 + 0.0024 * as_f64(n), ..INLET })
        },
        Scene {
            counted: 150..SECONDS,
            load: Load { rate: |t| if t < 150.0 { 2000.0 } else { f64::INFINITY }, batch: 500 },
            ..scene("4 workers, little to send, then much", Inlet { workers: |_| 4, ..INLET })
        },
    ]
}

#[derive(Clone, Copy, Default)]
struct Figures {
    records: f64,
    /// Median and 95th percentile of the times of accepted requests, seconds.
    median: f64,
    slow: f64,
    /// Throttled and failed requests in a hundred.
    refused: f64,
    recovery: Option<usize>,
}

fn sum(records: &[u64]) -> f64 {
    as_f64(usize::try_from(records.iter().sum::<u64>()).unwrap())
}

fn figures(scene: &Scene, algorithm: &mut dyn Algorithm) -> Figures {
    let mut run = play(scene.inlet, scene.load, algorithm, SECONDS, 1);
    run.times.sort_by(f64::total_cmp);
    Figures {
        records: sum(&run.accepted[scene.counted.clone()]),
        median: run.times[run.times.len() / 2],
        slow: run.times[run.times.len() * 95 / 100],
        refused: 100.0 * as_f64(run.refused + run.failed) / as_f64(run.requests),
        recovery: scene.ends.map(|ends| recovery(&run, ends)),
    }
}

/// Seconds from the end of the trouble until throughput is nine tenths of what it is in the last
/// minute.
fn recovery(run: &Run, ends: usize) -> usize {
    let usual = sum(&run.accepted[SECONDS - 60..]) / 60.0;
    let mut windows = run.accepted[ends..].windows(3);
    windows
        .position(|window| sum(window) >= 0.9 * usual * 3.0)
        .unwrap_or(SECONDS - ends)
}

type Make = fn() -> Box<dyn Algorithm>;

fn adaptive(most: usize) -> ConcurrencyLimit {
    ConcurrencyLimit::new(
        Concurrency::UpTo(NonZeroUsize::new(most).unwrap()),
        Instant::now(),
    )
}

const RIVALS: [(&str, Make); 6] = [
    ("this one", || Box::new(adaptive(MOST))),
    ("fixed 16", || Box::new(Fixed(16))),
    ("AIMD", || Box::new(Aimd::new(as_f64(MOST)))),
    ("AIMD+latency", || {
        Box::new(AimdWithLatency::new(as_f64(MOST)))
    }),
    ("Vegas", || Box::new(Vegas::new(as_f64(MOST)))),
    ("Gradient", || Box::new(Gradient::new(as_f64(MOST)))),
];

#[test]
fn limit_has_the_best_worst_case_of_all_rivals() {
    let mut table = String::new();
    let mut worst = [f64::INFINITY; RIVALS.len()];
    let mut refused = [0.0_f64; RIVALS.len()];
    let mut crowding = [0.0_f64; RIVALS.len()];
    for scene in scenes() {
        let tried = FIXED.map(|number| (number, figures(&scene, &mut Fixed(number))));
        let (best, ideal) = tried
            .iter()
            .copied()
            .max_by(|a, b| a.1.records.total_cmp(&b.1.records))
            .unwrap();
        // With two requests under way nothing waits anywhere.
        let quick = tried[0].1.median;
        writeln!(table, "\n{} (best fixed number: {best})", scene.name).unwrap();
        for (index, (name, make)) in RIVALS.into_iter().enumerate() {
            let it = figures(&scene, &mut *make());
            let goodput = it.records / ideal.records;
            worst[index] = worst[index].min(goodput);
            refused[index] = refused[index].max(it.refused);
            // Comparable where all requests are of one size and there is always one more.
            if (scene.load.rate)(0.0).is_infinite() && scene.ends.is_none() {
                crowding[index] = crowding[index].max(it.median / quick);
            }
            let recovery = it.recovery.map_or(String::new(), |seconds| {
                format!("  back after {seconds:2} s")
            });
            writeln!(
                table,
                "  {name:12}  goodput {:3.0} %  median {:5.0} ms  p95 {:5.0} ms  refused {:4.1} \
                %{recovery}",
                100.0 * goodput,
                1000.0 * it.median,
                1000.0 * it.slow,
                it.refused,
            )
            .unwrap();
        }
    }
    writeln!(table, "\nworst of all these").unwrap();
    for (index, (name, _)) in RIVALS.into_iter().enumerate() {
        writeln!(
            table,
            "  {name:12}  goodput {:3.0} %  median {:4.1} times the uncrowded  refused {:4.1} %",
            100.0 * worst[index],
            crowding[index],
            refused[index],
        )
        .unwrap();
    }
    println!("{table}");
    assert!(
        worst[0] > 0.8 && refused[0] < 8.0 && crowding[0] < 2.5,
        "{table}"
    );
    assert!(worst[1..].iter().all(|rival| *rival < worst[0]), "{table}");
}

/// Single records to an inlet that takes a thousand a second, the guidance for a whole
/// organisation.
#[test]
fn limit_bounds_compared() {
    let mut table = String::from("\nrequests a second, by the time of an answer and the bound\n");
    for network in [|_| 0.02, |_| 0.06, |_| 0.3] {
        write!(table, "  {:3.0} ms:", 1000.0 * network(0.0)).unwrap();
        for most in [16, 32, 64, 128] {
            let inlet = Inlet {
                workers: |_| 1000,
                work: |_, _| 0.0,
                rate: 1000.0,
                network,
                ..INLET
            };
            let load = Load {
                batch: 1,
                ..BACKLOG
            };
            let run = play(inlet, load, &mut adaptive(most), 30, 1);
            write!(table, "  {most}: {:4.0}", sum(&run.accepted[10..]) / 20.0).unwrap();
        }
        table.push('\n');
    }
    println!("{table}");
}
