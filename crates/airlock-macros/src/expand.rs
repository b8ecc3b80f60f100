//! Writes the code: the function as it was, and the guarded tool beside it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, Expr, ExprLit, Ident, ImplItemFn, Lit, Meta, Path, Result, ReturnType, Signature,
    Visibility, ext::IdentExt as _, parse_quote, spanned::Spanned as _,
};

use crate::{
    attributes::Attributes,
    signature::{Default, Passed, Role, Taken},
};

/// What `#[airlock(attribute)]` on `item` stands for.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let attributes: Attributes = syn::parse2(attribute)?;
    // Functions are methods without a receiver; both may have `pub` and attributes.
    let mut function: ImplItemFn = syn::parse2(item.clone()).map_err(|_| {
        Error::new_spanned(item, "`#[airlock]` guards a function: put it on `fn` or `async fn`")
    })?;
    check_attributes(&function.attrs)?;
    let taken = Taken::read(&mut function.sig)?;
    check_together(&attributes, &taken)?;
    let tool = Tool { attributes: &attributes, function: &function, taken: &taken };
    let guarded = tool.guarded();
    let unguarded = tool.unguarded();
    Ok(quote! { #unguarded #guarded })
}

/// Attributes below ours end on the plain function: one that registers or exports it would go around the guard.
fn check_attributes(attributes: &[Attribute]) -> Result<()> {
    const HARMLESS: [&str; 13] = [
        "doc",
        "cfg",
        "cfg_attr",
        "allow",
        "expect",
        "warn",
        "deny",
        "forbid",
        "inline",
        "cold",
        "must_use",
        "track_caller",
        "instrument",
    ];
    for attribute in attributes {
        let last =
            attribute.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if !HARMLESS.contains(&&*last) {
            let message = format!(
                "`#[{last}]` would stand on the plain function, which is not guarded: leave it out, or guard by hand with \
                 `Tool::new`"
            );
            return Err(Error::new(attribute.span(), message));
        }
    }
    Ok(())
}

/// What depends on both the attribute and the signature.
fn check_together(attributes: &Attributes, taken: &Taken) -> Result<()> {
    if let (Some(span), true) = (attributes.sandbox_span(), taken.receiver) {
        let message =
            "a sandboxed tool runs in another process, which has no `self`: make it a free function";
        return Err(Error::new(span, message));
    }
    if let (Some(associated), true) = (&attributes.associated, taken.receiver) {
        return Err(Error::new(associated.span, "`associated` is for functions of a type without `&self`"));
    }
    for (parameter, _) in &attributes.within {
        let known = taken.arguments().any(|(argument, ..)| argument.name == *parameter);
        if !known {
            let names: Vec<String> =
                taken.arguments().map(|(argument, ..)| argument.name.to_string()).collect();
            let message =
                format!("the function has no parameter `{parameter}` (it has: {})", names.join(", "));
            return Err(Error::new(parameter.span(), message));
        }
    }
    Ok(())
}

struct Tool<'a> {
    attributes: &'a Attributes,
    function: &'a ImplItemFn,
    taken: &'a Taken,
}

impl Tool<'_> {
    fn krate(&self) -> Path {
        self.attributes
            .krate
            .as_ref()
            .map_or_else(|| parse_quote!(::agent_airlock), |krate| krate.value.clone())
    }

    /// The name of the plain function.
    fn plain_name(&self) -> Ident {
        let name = &self.function.sig.ident;
        Ident::new(&format!("{}_unguarded", name.unraw()), name.span())
    }

    /// The function as it was, under the name that says what it is.
    fn unguarded(&self) -> TokenStream {
        let mut function = self.function.clone();
        function.sig.ident = self.plain_name();
        // The plain function is for the crate that has it, and no part of what it offers to others.
        if matches!(function.vis, Visibility::Public(_)) {
            function.vis = parse_quote!(pub(crate));
        }
        let name = self.function.sig.ident.unraw().to_string();
        let note =
            format!("\n\nNot guarded: nothing is checked, masked or recorded. The tool is [`{name}`].");
        function.attrs.push(parse_quote!(#[doc = #note]));
        let reason = "arguments are read from a message, and owned";
        function.attrs.push(parse_quote!(#[allow(clippy::needless_pass_by_value, reason = #reason)]));
        quote! { #function }
    }

    /// The function that gives the tool.
    fn guarded(&self) -> TokenStream {
        let krate = self.krate();
        let Signature { ident, generics, .. } = &self.function.sig;
        let (vis, where_clause) = (&self.function.vis, &generics.where_clause);
        let kept = self.function.attrs.iter().filter(|attribute| {
            let path = attribute.path();
            path.is_ident("doc") || path.is_ident("cfg")
        });
        let (arguments, build) = (self.arguments(), self.build());
        let receiver = self.taken.receiver.then(|| quote!(self: &::std::sync::Arc<Self>));
        let cached =
            generics.params.is_empty() && !self.taken.receiver && self.attributes.associated.is_none();
        let body = if cached {
            quote! {
                static TOOL: ::std::sync::LazyLock<#krate::Tool> = ::std::sync::LazyLock::new(|| #build);
                #krate::Tool::clone(&TOOL)
            }
        } else {
            build
        };
        quote! {
            #(#kept)*
            ///
            /// The guarded tool: each call of it goes through the four layers of Airlock.
            #vis fn #ident #generics (#receiver) -> #krate::Tool #where_clause {
                #arguments
                #body
            }
        }
    }

    /// The type that arguments are read into.
    fn arguments(&self) -> TokenStream {
        let krate = self.krate();
        let (serde, schemars) = (quote!(#krate::__private::serde), quote!(#krate::__private::schemars));
        let (serde_path, schemars_path) = (compact(&serde), compact(&schemars));
        let mut defaults = Vec::new();
        let fields: Vec<TokenStream> = self
            .taken
            .arguments()
            .map(|(parameter, described, default)| {
                let (name, ty) = (&parameter.name, &parameter.ty);
                let default = default.map(|default| match default {
                    Default::OfType => quote!(#[serde(default)]),
                    Default::Value(value) => {
                        let function = format_ident!("__airlock_default_{}", name.unraw());
                        let path = function.to_string();
                        defaults.push(quote_spanned! {value.span()=> fn #function() -> #ty { #value } });
                        quote!(#[serde(default = #path)])
                    }
                });
                quote! { #(#described)* #default #name: #ty }
            })
            .collect();
        let generics = &self.function.sig.generics;
        // Of a method the clause may be about the type, of which the arguments know nothing.
        let where_clause = generics.where_clause.as_ref().filter(|_| !generics.params.is_empty());
        // A type parameter that no argument has must be used all the same, and the bounds are those of the function.
        let marker = (!generics.params.is_empty()).then(|| {
            let types = generics.type_params().map(|parameter| &parameter.ident);
            quote! { #[serde(skip)] __generics: ::core::marker::PhantomData<fn() -> (#(#types,)*)>, }
        });
        let bounds = (!generics.params.is_empty())
            .then(|| quote!(#[serde(bound(deserialize = ""))] #[schemars(bound = "")]));
        quote! {
            #(#defaults)*
            #[derive(#serde::Deserialize, #schemars::JsonSchema)]
            #[serde(crate = #serde_path, deny_unknown_fields)]
            #[schemars(crate = #schemars_path)]
            #bounds
            struct __AirlockArguments #generics #where_clause {
                #(#fields,)*
                #marker
            }
        }
    }

    /// The expression that makes the tool.
    fn build(&self) -> TokenStream {
        let krate = self.krate();
        let (name, description) = (self.name(), self.description());
        let sig = &self.function.sig;
        let (_, generics, _) = sig.generics.split_for_impl();
        let asked = self.asked();
        let call = self.call();
        // An error about what the function returns belongs where that is written.
        let outcome = quote_spanned!(self.returned()=> .into_outcome());
        // The marker of generics is the only field that is not passed on.
        let arguments = quote!(arguments: __AirlockArguments #generics);
        let caller = quote!(caller: ::std::sync::Arc<#krate::Caller>);
        let (bring, share) = if self.taken.receiver {
            (
                quote!(let this = ::std::sync::Arc::clone(self);),
                quote!(let this = ::std::sync::Arc::clone(&this);),
            )
        } else {
            (TokenStream::new(), TokenStream::new())
        };
        quote! {{
            #bring
            #krate::Tool::new(#name, #description, move |#arguments, #caller| {
                #share
                async move {
                    #[allow(unused_imports, reason = "for results that are no `Result`")]
                    use #krate::__private::PlainValue as _;
                    let _ = (&arguments, &caller);
                    #krate::__private::Value(#call)#outcome
                }
            })
            #asked
        }}
    }

    /// The call of the plain function.
    fn call(&self) -> TokenStream {
        let sig = &self.function.sig;
        let (_, generics, _) = sig.generics.split_for_impl();
        let turbofish = generics.as_turbofish();
        let plain = self.plain_name();
        let values = self.taken.parameters.iter().map(|parameter| {
            let name = &parameter.name;
            match &parameter.role {
                Role::Argument { .. } => quote!(arguments.#name),
                Role::Caller(Passed::Reference) => quote!(&caller),
                Role::Caller(Passed::Arc) => quote!(::std::sync::Arc::clone(&caller)),
                Role::Caller(Passed::Value) => quote!((*caller).clone()),
            }
        });
        let target = if self.taken.receiver {
            quote!(this.#plain)
        } else if self.attributes.associated.is_some() {
            quote!(Self::#plain)
        } else {
            quote!(#plain)
        };
        let awaited = sig.asyncness.is_some().then(|| quote!(.await));
        quote! { #target #turbofish (#(#values),*) #awaited }
    }

    /// Where it says what the function returns.
    fn returned(&self) -> Span {
        let sig = &self.function.sig;
        match &sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => sig.ident.span(),
        }
    }

    /// What the attribute asks for, as calls of the builder.
    fn asked(&self) -> TokenStream {
        let krate = self.krate();
        let Attributes {
            strict,
            policy,
            config,
            sandbox,
            sandbox_required,
            sanitize_output,
            mask_pii,
            mask_secrets,
            max_output_chars,
            roles,
            rate_limit,
            within,
            ..
        } = self.attributes;
        let mut asked = TokenStream::new();
        if let Some(config) = config {
            let value = &config.value;
            asked.extend(quote_spanned!(config.span=> .config(&#value)));
        }
        if let Some(strict) = strict {
            let value = strict.value;
            asked.extend(quote!(.strict(#value)));
        }
        for (method, value) in [
            (quote!(sanitize_output), sanitize_output),
            (quote!(mask_pii), mask_pii),
            (quote!(mask_secrets), mask_secrets),
            (quote!(max_output_chars), max_output_chars),
            (quote!(rate_limit), rate_limit),
        ] {
            if let Some(value) = value {
                let value = &value.value;
                asked.extend(quote!(.#method(#value)));
            }
        }
        if let Some(policy) = policy {
            let (name, value) = (policy_name(&policy.value, &self.name()), &policy.value);
            asked.extend(quote!(.policy(#name, &#value)));
        }
        if let Some(roles) = roles {
            let roles = &roles.value;
            asked.extend(quote!(.roles([#(#roles),*])));
        }
        for (parameter, folders) in within {
            let parameter = parameter.unraw().to_string();
            asked.extend(quote!(.within(#parameter, [#(#folders),*])));
        }
        if sandbox_required.is_some() {
            asked.extend(quote!(.sandbox(#krate::SandboxNeed::Required)));
        } else if sandbox.as_ref().is_some_and(|sandbox| sandbox.value) {
            asked.extend(quote!(.sandbox(#krate::SandboxNeed::Wanted)));
        }
        asked
    }

    fn name(&self) -> String {
        let own = || self.function.sig.ident.unraw().to_string();
        self.attributes.name.as_ref().map_or_else(own, |name| name.value.value())
    }

    fn description(&self) -> String {
        let own = || documentation(&self.function.attrs);
        self.attributes.description.as_ref().map_or_else(own, |description| description.value.value())
    }
}

/// How records show the policy: the name of the constant or static, else that of the tool.
fn policy_name(policy: &Expr, tool: &str) -> String {
    let named = match policy {
        Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.unraw().to_string()),
        _ => None,
    };
    named.unwrap_or_else(|| format!("{tool}.policy"))
}

/// The text of the doc comments.
fn documentation(attributes: &[Attribute]) -> String {
    let lines =
        attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            match &attribute.meta {
                Meta::NameValue(doc) => match &doc.value {
                    Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            }
        });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// A path as serde takes it: text without spaces.
fn compact(path: &TokenStream) -> String {
    path.to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    use super::expand;

    fn tokens(text: &str) -> TokenStream {
        text.parse().unwrap()
    }

    /// The code, with single spaces.
    fn code(attribute: &str, item: &str) -> String {
        expand(tokens(attribute), tokens(item)).unwrap().to_string()
    }

    fn error(attribute: &str, item: &str) -> String {
        expand(tokens(attribute), tokens(item)).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_function_becomes_two() {
        let code = code(
            "policy = crate::STRICT_POLICY, strict",
            "/// Deletes records.\n pub async fn delete(table: String, caller: &Caller) -> Result<u32, Error> { body() }",
        );
        let file: syn::File = syn::parse_str(&code).unwrap();
        let names: Vec<String> = file
            .items
            .iter()
            .map(|item| match item {
                syn::Item::Fn(function) => function.sig.ident.to_string(),
                _ => String::new(),
            })
            .collect();
        assert_eq!(names, ["delete_unguarded", "delete"]);
        for expected in [
            "Tool :: new (\"delete\" , \"Deletes records.\"",
            ". strict (true)",
            ". policy (\"STRICT_POLICY\" , & crate :: STRICT_POLICY)",
            "delete_unguarded (arguments . table , & caller) . await",
        ] {
            assert!(code.contains(expected), "{expected}\n{code}");
        }
        assert!(!code.contains("caller : & Caller ,"), "the caller is no field: {code}");
    }

    #[test]
    fn nothing_is_asked_for_that_was_not_said() {
        let code = code("", "fn f() {}");
        for word in [". strict", ". policy", ". sandbox", ". mask", ". roles", ". within", ". config"] {
            assert!(!code.contains(word), "{word}: {code}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (attribute, item, expected) in [
            ("sandbox", "fn f(&self) {}", "no `self`"),
            ("sandbox_required", "fn f(&self) {}", "no `self`"),
            ("associated", "fn f(&self) {}", "without `&self`"),
            ("within(path = \"/data\")", "fn f(file: String) {}", "it has: file"),
            ("", "struct S;", "guards a function"),
            ("", "fn f(&mut self) {}", "`&self`"),
            ("", "fn f(self) {}", "`&self`"),
            ("", "#[pyfunction] fn f() {}", "not guarded"),
            ("", "#[no_mangle] fn f() {}", "not guarded"),
        ] {
            assert!(error(attribute, item).contains(expected), "{item}: {}", error(attribute, item));
        }
    }
}
