//! Who may come in, and as what. Nobody, where no rule says so.

use llmgw_types::Role;

use crate::Refusal;
use crate::attributes::Attributes;

/// Holds of a person who has one of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The attribute, by any of its names.
    pub attribute: String,
    /// The values, compared to the letter. `*` alone: whoever has the attribute.
    pub any: Vec<String>,
}

impl Rule {
    fn holds(&self, attributes: &Attributes) -> bool {
        attributes
            .values(&self.attribute)
            .any(|value| !value.is_empty() && self.any.iter().any(|wanted| wanted == "*" || wanted == value))
    }
}

/// A group of ours, and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// The group.
    pub group: String,
    /// Who is in it.
    pub rule: Rule,
}

/// All rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who may come in: one of these must hold.
    pub allow: Vec<Rule>,
    /// Who administers.
    pub admin: Vec<Rule>,
    /// Who may look at everything and change nothing.
    pub auditor: Vec<Rule>,
    /// Who is in which group of ours, beside the groups that the identity provider names.
    pub groups: Vec<GroupRule>,
}

/// What the rules say of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The role.
    pub role: Role,
    /// Groups by rule.
    pub groups: Vec<String>,
}

impl Rules {
    /// Lets somebody in, or not.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] when no allow rule holds.
    pub fn admit(&self, attributes: &Attributes) -> Result<Admitted, Refusal> {
        let any = |rules: &[Rule]| rules.iter().any(|rule| rule.holds(attributes));
        if !any(&self.allow) {
            return Err(Refusal::NotAllowed);
        }
        let role = if any(&self.admin) {
            Role::Admin
        } else if any(&self.auditor) {
            Role::Auditor
        } else {
            Role::User
        };
        let groups = self.groups.iter().filter(|group| group.rule.holds(attributes));
        Ok(Admitted {
            role,
            groups: groups.map(|group| group.group.clone()).collect(),
        })
    }
}
