//! What the function takes: parameters of the tool, the caller, a receiver.

use proc_macro2::TokenTree;
use syn::{
    Attribute, Error, FnArg, GenericArgument, GenericParam, Ident, Meta, Pat, PatType, PathArguments,
    Receiver, ReceiverKind, Result, Safety, Signature, Type, TypePath, spanned::Spanned,
};

/// One parameter of the function.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What a parameter is filled from.
pub(crate) enum Role {
    /// An argument of the call, with the attributes that describe it and its default.
    Argument { described: Vec<Attribute>, default: Option<Default> },
    /// Who calls.
    Caller(Passed),
}

/// The value of an argument that is left out.
pub(crate) enum Default {
    /// That of its type.
    OfType,
    /// This one.
    Value(Box<syn::Expr>),
}

/// How the caller is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Reference,
    Arc,
    Value,
}

/// What the function takes. Its attributes that are meant for us are taken out of `signature`.
pub(crate) struct Taken {
    /// Whether it has `&self`.
    pub(crate) receiver: bool,
    pub(crate) parameters: Vec<Parameter>,
}

impl Taken {
    /// Reads the signature, and takes out of it what the compiler would not understand.
    pub(crate) fn read(signature: &mut Signature) -> Result<Self> {
        check_function(signature)?;
        let mut taken = Self { receiver: false, parameters: Vec::new() };
        for input in &mut signature.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    check_receiver(receiver)?;
                    taken.receiver = true;
                }
                FnArg::Typed(typed) => taken.parameters.push(parameter(typed)?),
            }
        }
        let callers: Vec<&Parameter> =
            taken.parameters.iter().filter(|parameter| matches!(parameter.role, Role::Caller(_))).collect();
        if let [_, second, ..] = &*callers {
            return Err(Error::new(second.name.span(), "a call has one caller"));
        }
        Ok(taken)
    }

    /// The parameters that are filled from arguments.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Parameter, &[Attribute], Option<&Default>)> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Argument { described, default } => Some((parameter, &**described, default.as_ref())),
            Role::Caller(_) => None,
        })
    }
}

fn check_function(signature: &Signature) -> Result<()> {
    if let Some(constness) = &signature.constness {
        return Err(Error::new(constness.span(), "a tool runs when it is called, so it cannot be `const`"));
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        let message = "a model cannot promise what an `unsafe` function asks for: wrap it in a safe one";
        return Err(Error::new(unsafety.span(), message));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new(abi.span(), "a tool is a Rust function: leave `extern` out"));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new(variadic.span(), "a tool has a fixed set of parameters"));
    }
    for generic in &signature.generics.params {
        match generic {
            GenericParam::Lifetime(lifetime) => {
                let message = "arguments come from a message and are owned: leave the lifetime out";
                return Err(Error::new(lifetime.span(), message));
            }
            GenericParam::Type(ty) => {
                let bounded = !ty.bounds.is_empty() || is_in_where_clause(signature, &ty.ident);
                if !bounded {
                    let name = &ty.ident;
                    let message = format!(
                        "`{name}` has no bounds, so nothing can be read into it: write `{name}: DeserializeOwned + \
                         JsonSchema + Send + 'static`"
                    );
                    return Err(Error::new(ty.span(), message));
                }
            }
            GenericParam::Const(_) => {}
        }
    }
    Ok(())
}

fn is_in_where_clause(signature: &Signature, name: &Ident) -> bool {
    let Some(clause) = &signature.generics.where_clause else { return false };
    clause.predicates.iter().any(|predicate| match predicate {
        syn::WherePredicate::Type(predicate) => {
            matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(name))
        }
        _ => false,
    })
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    // `&self`, and no type written out behind it.
    let shared = matches!(receiver.kind, ReceiverKind::Reference(_, _, None));
    if shared {
        return Ok(());
    }
    let message = "calls come at the same time, so a tool takes `&self`; what changes belongs behind a lock";
    Err(Error::new(receiver.span(), message))
}

fn parameter(typed: &mut PatType) -> Result<Parameter> {
    let name = match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
        other => {
            let message = "the name of a parameter is the name of the argument: write `name: Type`, and take it apart in \
                           the function";
            return Err(Error::new(other.span(), message));
        }
    };
    let words = Words::take(&mut typed.attrs)?;
    let ty = (*typed.ty).clone();
    let passed = passed_caller(&ty, words.caller);
    if words.caller && passed.is_none() {
        return Err(Error::new(ty.span(), "the caller is `&Caller`, `Arc<Caller>` or `Caller`"));
    }
    if let Some(passed) = passed {
        if words.default.is_some() || !words.described.is_empty() {
            let message = "the caller is not an argument: it has no description and no default";
            return Err(Error::new(name.span(), message));
        }
        return Ok(Parameter { name, ty, role: Role::Caller(passed) });
    }
    check_type(&ty)?;
    let Words { described, default, .. } = words;
    Ok(Parameter { name, ty, role: Role::Argument { described, default } })
}

fn check_type(ty: &Type) -> Result<()> {
    match ty {
        Type::Reference(reference) => {
            let owned = match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => "`String`",
                Type::Slice(_) => "a `Vec`",
                _ => "the type itself",
            };
            Err(Error::new(
                reference.span(),
                format!("arguments come from a message and are owned: take {owned}"),
            ))
        }
        Type::ImplTrait(_) => {
            Err(Error::new(ty.span(), "a tool has one schema: name the type instead of `impl Trait`"))
        }
        _ => Ok(()),
    }
}

/// What stands at a parameter.
#[derive(std::default::Default)]
struct Words {
    /// `///`, `#[schemars(…)]`, `#[serde(…)]`
    described: Vec<Attribute>,
    default: Option<Default>,
    caller: bool,
}

impl Words {
    /// Leaves in `attributes` what is not for us, such as `#[cfg]` and `#[expect]`.
    fn take(attributes: &mut Vec<Attribute>) -> Result<Self> {
        let mut words = Self::default();
        for attribute in std::mem::take(attributes) {
            let path = attribute.path();
            if path.is_ident("schemars") || path.is_ident("serde") {
                check_names(&attribute)?;
                words.described.push(attribute);
            } else if path.is_ident("doc") {
                words.described.push(attribute);
            } else if path.is_ident("airlock") {
                words.read(&attribute)?;
            } else {
                attributes.push(attribute);
            }
        }
        Ok(words)
    }

    fn read(&mut self, attribute: &Attribute) -> Result<()> {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                if self.default.is_some() {
                    return Err(meta.error("`default` is given twice"));
                }
                self.default = Some(if meta.input.peek(syn::Token![=]) {
                    Default::Value(Box::new(meta.value()?.parse()?))
                } else {
                    Default::OfType
                });
                Ok(())
            } else if meta.path.is_ident("caller") {
                self.caller = true;
                Ok(())
            } else {
                Err(meta.error("a parameter knows `default`, `default = VALUE` and `caller`"))
            }
        })
    }
}

/// The argument has the name of the parameter: rules such as `within` are written with it, and must not miss it.
fn check_names(attribute: &Attribute) -> Result<()> {
    let Meta::List(list) = &attribute.meta else { return Ok(()) };
    for token in list.tokens.clone() {
        if let TokenTree::Ident(word) = token
            && ["rename", "alias", "flatten"].iter().any(|other| word == other)
        {
            let message = format!(
                "`{word}` gives the argument another name than the parameter, which rules would miss"
            );
            return Err(Error::new(word.span(), message));
        }
    }
    Ok(())
}

/// How the caller is passed, if this is the caller: `&Caller`, `Arc<Caller>` or `Caller`, by whatever path. Under
/// another name it needs `#[airlock(caller)]`.
fn passed_caller(ty: &Type, marked: bool) -> Option<Passed> {
    let is_caller = |ty: &Type| marked || last_segment(ty).is_some_and(|segment| segment == "Caller");
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() && is_caller(&reference.elem) => {
            Some(Passed::Reference)
        }
        Type::Path(TypePath { path, .. }) => {
            let last = path.segments.last()?;
            if let (true, PathArguments::AngleBracketed(inner)) = (last.ident == "Arc", &last.arguments) {
                return match inner.args.first() {
                    Some(GenericArgument::Type(ty)) if is_caller(ty) => Some(Passed::Arc),
                    _ => None,
                };
            }
            is_caller(ty).then_some(Passed::Value)
        }
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(TypePath { path, .. }) => path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::ItemFn;

    use super::{Default, Passed, Role, Taken};

    fn read(text: &str) -> Result<(Taken, ItemFn), String> {
        let mut function: ItemFn = syn::parse_str(text).map_err(|error| error.to_string())?;
        let taken = Taken::read(&mut function.sig).map_err(|error| error.to_string())?;
        Ok((taken, function))
    }

    #[test]
    fn parameters_and_the_caller_are_told_apart() {
        let text = r"async fn f(
            /// Where.
            #[schemars(length(max = 9))] path: String,
            #[airlock(default = 10)] limit: u32,
            #[airlock(default)] deep: bool,
            caller: &agent_airlock::Caller,
        ) {}";
        let (taken, function) = read(text).unwrap();
        let arguments: Vec<_> = taken.arguments().collect();
        assert_eq!(arguments.iter().map(|argument| argument.1.len()).collect::<Vec<_>>(), [2, 0, 0]);
        assert!(
            matches!(arguments[1].2, Some(Default::Value(_)))
                && matches!(arguments[2].2, Some(Default::OfType))
        );
        assert!(matches!(taken.parameters[3].role, Role::Caller(Passed::Reference)));
        assert!(!quote::quote!(#function).to_string().contains("schemars"), "the compiler would not know it");
    }

    #[test]
    fn the_caller_comes_in_three_ways_and_under_any_name() {
        for (text, expected) in [
            ("fn f(c: &Caller) {}", Passed::Reference),
            ("fn f(c: Arc<Caller>) {}", Passed::Arc),
            ("fn f(c: std::sync::Arc<agent_airlock::Caller>) {}", Passed::Arc),
            ("fn f(c: Caller) {}", Passed::Value),
            ("fn f(#[airlock(caller)] c: &Who) {}", Passed::Reference),
        ] {
            let (taken, _) = read(text).unwrap();
            assert!(matches!(taken.parameters[0].role, Role::Caller(passed) if passed == expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_tool_is_refused() {
        for (text, expected) in [
            ("const fn f() {}", "`const`"),
            ("unsafe fn f() {}", "`unsafe`"),
            ("extern \"C\" fn f() {}", "`extern`"),
            ("fn f<'a>(a: Cow<'a, str>) {}", "lifetime"),
            ("fn f<T>(a: T) {}", "no bounds"),
            ("fn f((a, b): (u8, u8)) {}", "`name: Type`"),
            ("fn f(_: u8) {}", "`name: Type`"),
            ("fn f(a: &str) {}", "`String`"),
            ("fn f(a: &[u8]) {}", "`Vec`"),
            ("fn f(a: impl Display) {}", "`impl Trait`"),
            ("fn f(a: &Caller, b: &Caller) {}", "one caller"),
            ("fn f(#[airlock(default)] a: &Caller) {}", "not an argument"),
            ("fn f(#[airlock(optional)] a: u8) {}", "`default`"),
            ("fn f(#[serde(rename = \"file\")] a: String) {}", "another name"),
            ("fn f(#[serde(alias = \"file\")] a: String) {}", "another name"),
            ("fn f(#[serde(flatten)] a: Options) {}", "another name"),
            ("fn f(#[airlock(caller)] a: (String,)) {}", "`Arc<Caller>`"),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        }
        read("fn f<T: Bound>(a: T) {}").unwrap();
        read("fn f<T>(a: T) where T: Bound {}").unwrap();
    }
}
