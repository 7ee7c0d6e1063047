//! The connector and Experience Platform: deliveries, refusals, tokens.

mod delivery;
mod landing;
mod replay;
mod settling;
mod token;
