//! The bundled prices: names that must be found, names that must not, and the arithmetic.

use smoltrace_model::price::{self, Tokens};

#[test]
fn names_are_normalised() {
    let check = |model: &str, provider: Option<&str>, expected: Option<&str>| {
        let found = price::find(model, provider).map(|price| format!("{}/{}", price.host, price.model));
        assert_eq!(found.as_deref(), expected, "{model} from {provider:?}");
    };
    check("gpt-4.1-nano", None, Some("openai/gpt-4.1-nano"));
    check("openai/gpt-4.1-nano", Some("litellm"), Some("openai/gpt-4.1-nano"));
    check(" OpenAI/GPT-4.1-Nano ", Some("openai"), Some("openai/gpt-4.1-nano"));
    check("litellm/openrouter/openai/gpt-4.1-nano", None, Some("openai/gpt-4.1-nano"));
    check("gpt-4.1-nano-2025-04-14", None, Some("openai/gpt-4.1-nano"));
    check("gpt-4o-2024-11-20", None, Some("openai/gpt-4o"));
    // A snapshot with a price of its own keeps it.
    check("gpt-4o-2024-05-13", None, Some("openai/gpt-4o-2024-05-13"));
    check("claude-sonnet-4-5-20250929", Some("anthropic"), Some("anthropic/claude-sonnet-4-5"));
    check("claude-sonnet-4-5@20250929", Some("vertex_ai"), Some("anthropic/claude-sonnet-4-5"));
    check("gemini/gemini-2.5-flash", None, Some("google/gemini-2.5-flash"));
    check("models/gemini-2.5-flash", None, Some("google/gemini-2.5-flash"));
    check("mistral-large-latest", None, Some("mistral/mistral-large"));
    check("mistral-large-2512", None, Some("mistral/mistral-large"));
    // Another model under a like name.
    check("mistral-large-2402", None, None);
    check("gpt-4-32k", None, None);
    // Open models cost what their host asks.
    check("groq/openai/gpt-oss-120b", None, Some("groq/openai/gpt-oss-120b"));
    check("openai/gpt-oss-120b", Some("groq"), Some("groq/openai/gpt-oss-120b"));
    check("openai/gpt-oss-120b", None, None);
    check("Qwen/Qwen2.5-72B-Instruct", Some("deepinfra"), Some("deepinfra/qwen/qwen2.5-72b-instruct"));
    check("Qwen/Qwen2.5-72B-Instruct", None, None);
    // One's own hardware bills nothing by the token, whatever the model is called.
    check("ollama/mistral-small", None, None);
    check("mistral-small", Some("ollama"), None);
    check("", None, None);
    check("/", None, None);
    check("////", None, None);
    check("never-heard-of", Some("openai"), None);
}

#[test]
fn every_price_is_plausible_and_found_by_its_name() {
    let mut count = 0;
    for price in price::all() {
        count += 1;
        for usd in [Some(price.input), Some(price.output), price.cache_read, price.cache_write] {
            assert!(usd.is_none_or(|usd| (0.0..1000.0).contains(&usd)), "{price:?}");
        }
        assert!(price.input > 0.0, "{price:?}");
        assert!(price.cache_read.is_none_or(|read| read <= price.input), "{price:?}");
        let found = price::find(&price.model, Some(&price.host));
        assert_eq!(found, Some(price));
    }
    assert!(count >= 60, "{count}");
    let table = price::table();
    assert!(!table.id.is_empty() && !table.source.is_empty());
    assert!(table.date.len() == 10 && table.date.starts_with("20"), "{}", table.date);
}

#[test]
fn cached_input_has_its_own_price() {
    let price = price::find("claude-sonnet-4-5", None).expect("in the table");
    let check = |input, output, cache_read, cache_write, expected: f64| {
        let usd = price.cost_usd(Tokens { input, output, cache_read, cache_write });
        assert!((usd - expected).abs() < 1e-12, "{usd} instead of {expected}");
    };
    check(1_000_000, 0, 0, 0, 3.0);
    check(0, 1_000_000, 0, 0, 15.0);
    check(1_000_000, 0, 1_000_000, 0, 0.3);
    check(1_000_000, 0, 400_000, 100_000, 0.5 * 3.0 + 0.4 * 0.3 + 0.1 * 3.75);
    // More than the input cannot be a part of it.
    check(1_000_000, 0, 9_000_000, 0, 3.0 + 9.0 * 0.3);
    check(-5, -5, -5, -5, 0.0);
    // Without a price of its own, cached input costs what input costs.
    let price = price::find("gpt-4-turbo", None).expect("in the table");
    assert_eq!(price.cost_usd(Tokens { input: 1_000_000, cache_read: 500_000, ..Tokens::default() }), 10.0);
}
