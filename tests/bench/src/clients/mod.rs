//! The clients the connector is compared with: this program, started again in another role.

pub(crate) mod bare;
pub(crate) mod bodies;
pub(crate) mod role;

use serde::de::DeserializeOwned;

pub use role::Role;

use crate::error::BenchError;
use crate::parts::one_by_one;

/// Plays a role: the errand comes on the standard input, what was done goes to the standard output.
///
/// # Errors
/// When the errand makes no sense or a request fails.
pub async fn play(role: Role) -> Result<(), BenchError> {
    let outcome = match role {
        Role::Bare => bare::run(errand(role)?).await?,
        Role::OneByOne => one_by_one::run(errand(role)?).await?,
    };
    let failed = |error: serde_json::Error| BenchError::Client(role.name(), error.to_string());
    println!("{}", serde_json::to_string(&outcome).map_err(failed)?);
    Ok(())
}

fn errand<T: DeserializeOwned>(role: Role) -> Result<T, BenchError> {
    serde_json::from_reader(std::io::stdin().lock())
        .map_err(|error| BenchError::Client(role.name(), error.to_string()))
}
