//! From the keys as written to the model: what is missing, does not fit or contradicts itself is
//! reported, all of it at once.

mod inlets;
mod landed;
mod meta;
mod platform;
mod rules;
mod time_zone;
mod transform;

use std::num::NonZeroU32;

use super::keys::{ConfigKeys, TransformKeys};
use super::model::{Config, Transform};
use super::problem::Problems;
use super::yaml::path::KeyPath;

/// Validates the whole file. `templated` says whether placeholders or listed secrets are in use.
pub(super) fn config(
    keys: ConfigKeys,
    templated: bool,
    problems: &mut Problems<'_>,
) -> Option<Config> {
    let api_version = keys.api_version.as_deref();
    meta::check_api_version(api_version, templated, problems);
    let meta = meta::meta(keys.meta, api_version, problems);
    let transform = transform::transform(keys.transforms, problems);
    let instances = meta
        .as_ref()
        .map_or(NonZeroU32::MIN, |meta| meta.consumer.partitions.instances());
    let platform = platform::platform(
        keys.experience_platform,
        meta.as_ref().map(|meta| meta.name.as_str()),
        instances,
        problems,
    );
    let (meta, transform, platform) = (meta?, transform?, platform?);
    inlets::check_shapes(&platform, &transform, problems);
    Some(Config {
        name: meta.name,
        topic: meta.topic,
        consumer: meta.consumer,
        transform,
        platform,
    })
}

/// Validates `transforms` alone; problems of other keys are forgotten.
pub(super) fn transform_alone(
    keys: Option<Vec<TransformKeys>>,
    problems: &mut Problems<'_>,
) -> Option<Transform> {
    let transform = transform::transform(keys, problems);
    problems.keep_below(&KeyPath::of("transforms"));
    transform
}
