//! What the connector reads: its files, the SmartModule's answers, and the responses of Adobe.

mod answer;
mod configuration;
mod ims;
mod responses;
mod secrets;
mod shown;
mod texts;
