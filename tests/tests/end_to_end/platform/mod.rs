//! The connector and Experience Platform: deliveries, refusals, tokens.

mod delivery;
mod replay;
mod settling;
mod token;
