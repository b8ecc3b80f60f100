//! The attribute `#[airlock]` of [`agent-airlock`](https://docs.rs/agent-airlock), which documents it.
//!
//! It holds no rule: it writes down what a person would write with `Tool::new`. `attributes` reads what stands in
//! the attribute, `signature` what the function takes, and `expand` writes the code; all three are ordinary
//! functions over `proc_macro2`, tested as such.

#![forbid(unsafe_code)]

mod attributes;
mod expand;
mod signature;

/// Guards a tool function. See `agent_airlock::airlock`.
#[proc_macro_attribute]
pub fn airlock(attribute: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
