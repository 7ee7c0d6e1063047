//! A fault script at work: which of its steps a request meets.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use super::scope::{Selector, Target, Times};
use crate::simulator::config::InletConfig;
use crate::simulator::faults::{Chance, Fault, FaultScript, RandomFaults, Step};
use crate::simulator::inlet::envelope::{Facts, Message};

/// Who is being called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Called<'a> {
    Ims,
    Platform,
    Inlet(&'a InletConfig),
}

/// What a request meets as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) answer_delay: Duration,
    pub(crate) fault: Fault,
}

/// A script and its state.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    random: Option<(fastrand::Rng, RandomFaults)>,
}

impl Script {
    /// Adds steps behind those still there; random faults replace earlier ones.
    pub(crate) fn extend(&mut self, script: FaultScript) {
        self.steps.extend(script.steps);
        if let Some(random) = script.random {
            self.random = Some((fastrand::Rng::with_seed(random.seed), random));
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What is still to come.
    pub(crate) fn left(&self) -> FaultScript {
        FaultScript {
            steps: self.steps.iter().cloned().collect(),
            random: self.random.as_ref().map(|(_, random)| random.clone()),
        }
    }

    /// Decides before the body is read, so that a connection can be reset that early. `None`: the
    /// first step in question asks for something in the body.
    pub(crate) fn before_body(&mut self, called: Called<'_>) -> Option<Plan> {
        match self
            .steps
            .iter()
            .position(|step| is_whole(step) && covers(&step.target, called))
        {
            Some(index) if self.steps[index].when.is_some() => match called {
                // These servers have no messages, so a step that asks for one never means it.
                Called::Ims | Called::Platform => Some(self.decide(called, &[])),
                Called::Inlet(_) => None,
            },
            _ => Some(self.decide(called, &[])),
        }
    }

    /// Decides when the messages are known.
    pub(crate) fn decide(&mut self, called: Called<'_>, messages: &[Message]) -> Plan {
        let found = self.steps.iter().position(|step| {
            is_whole(step)
                && covers(&step.target, called)
                && step
                    .when
                    .as_ref()
                    .is_none_or(|selector| any(selector, messages))
        });
        match found {
            Some(index) => {
                let step = self.take(index);
                Plan {
                    delay: Duration::from_millis(step.delay_ms),
                    answer_delay: Duration::from_millis(step.answer_delay_ms),
                    fault: step.fault,
                }
            }
            None => self.draw(called),
        }
    }

    /// The faults of single messages, by index.
    pub(crate) fn message_faults(
        &mut self,
        inlet: &InletConfig,
        messages: &[Message],
    ) -> BTreeMap<usize, Fault> {
        let mut faults = BTreeMap::new();
        let mut index = 0;
        while let Some(step) = self.steps.get(index) {
            let mut hit = false;
            if !is_whole(step) && covers(&step.target, Called::Inlet(inlet)) {
                for (position, Message { facts, .. }) in messages.iter().enumerate() {
                    let meant = step
                        .when
                        .as_ref()
                        .is_none_or(|selector| matches(selector, position, facts));
                    if meant && !faults.contains_key(&position) {
                        faults.insert(position, step.fault.clone());
                        hit = true;
                    }
                }
            }
            let used_up = hit && matches!(step.times, Times::Count(NonZeroU32::MIN));
            if hit {
                self.take(index);
            }
            // A step that is used up has left the queue, and the next one has taken its place.
            if !used_up {
                index += 1;
            }
        }
        if let Some((rng, random)) = &mut self.random {
            for chance in random
                .chances
                .iter()
                .filter(|chance| concerns(chance, inlet))
            {
                for position in 0..messages.len() {
                    if rng.f64() < chance.probability.into() {
                        faults
                            .entry(position)
                            .or_insert_with(|| chance.fault.clone());
                    }
                }
            }
        }
        faults
    }

    /// Uses a step once.
    fn take(&mut self, index: usize) -> Step {
        let step = self.steps[index].clone();
        if let Times::Count(count) = step.times {
            match NonZeroU32::new(count.get() - 1) {
                Some(left) => self.steps[index].times = Times::Count(left),
                None => {
                    self.steps.remove(index);
                }
            }
        }
        step
    }

    fn draw(&mut self, called: Called<'_>) -> Plan {
        let Some((rng, random)) = &mut self.random else {
            return Plan::default();
        };
        let latency = random
            .latency_ms
            .map_or(Duration::ZERO, |latency| latency.draw(rng));
        let whole = |chance: &&Chance| !matches!(chance.fault, Fault::Message { .. });
        for chance in random
            .chances
            .iter()
            .filter(whole)
            .filter(|chance| covers(&chance.target, called))
        {
            if rng.f64() < chance.probability.into() {
                return Plan {
                    delay: latency + Duration::from_millis(chance.delay_ms),
                    answer_delay: Duration::from_millis(chance.answer_delay_ms),
                    fault: chance.fault.clone(),
                };
            }
        }
        Plan {
            delay: latency,
            ..Plan::default()
        }
    }
}

fn is_whole(step: &Step) -> bool {
    !matches!(step.fault, Fault::Message { .. })
}

fn concerns(chance: &Chance, inlet: &InletConfig) -> bool {
    matches!(chance.fault, Fault::Message { .. }) && covers(&chance.target, Called::Inlet(inlet))
}

fn covers(target: &Target, called: Called<'_>) -> bool {
    match (target, called) {
        (Target::Any, _)
        | (Target::Ims, Called::Ims)
        | (Target::Platform, Called::Platform)
        | (Target::Inlets, Called::Inlet(_)) => true,
        (Target::Inlet(name), Called::Inlet(inlet)) => {
            *name == inlet.name || name == inlet.id.as_str()
        }
        _ => false,
    }
}

fn any(selector: &Selector, messages: &[Message]) -> bool {
    messages
        .iter()
        .enumerate()
        .any(|(index, message)| matches(selector, index, &message.facts))
}

fn matches(selector: &Selector, index: usize, facts: &Facts) -> bool {
    let index_fits = selector.indexes.is_empty() || selector.indexes.contains(&index);
    let id_fits = selector.ids.is_empty()
        || facts
            .id
            .as_deref()
            .is_some_and(|id| selector.ids.contains(id));
    let identity_fits = selector.identities.is_empty()
        || facts
            .identities
            .iter()
            .any(|identity| selector.identities.contains(&identity.id));
    let type_fits = selector.event_types.is_empty()
        || facts
            .event_type
            .as_deref()
            .is_some_and(|kind| selector.event_types.contains(kind));
    index_fits && id_fits && identity_fits && type_fits
}
