# What R's svyglm makes of a proxy means test: coefficients and standard errors of log welfare, weighted by people.
#
# Rscript proxy_means.R FOLDER    FOLDER/households.csv, as tests/test_proxy_means.py writes it; writes proxy_means.csv
suppressMessages(library(survey))
folder <- commandArgs(trailingOnly = TRUE)[1]
data <- read.csv(file.path(folder, "households.csv"))
data$fuel <- relevel(factor(data$fuel), ref = names(which.max(table(data$fuel[data$people > 0]))))
design <- svydesign(ids = ~ea, strata = ~stratum, weights = ~people, data = data)
fit <- svyglm(log(pc) ~ size + fuel + educ + water, design)
found <- data.frame(term = names(coef(fit)), coefficient = coef(fit), se = SE(fit))
for (column in c("coefficient", "se")) found[[column]] <- sprintf("%.12g", found[[column]])
write.csv(found, file.path(folder, "proxy_means.csv"), row.names = FALSE, quote = FALSE)

# ---- a stratum of one PSU, and finite populations of two stages: lonely.csv; writes proxy_means_lonely.csv
data <- read.csv(file.path(folder, "lonely.csv"))
found <- list()
keep <- function(rule, data, ...) {
  se <- SE(svyglm(log(pc) ~ x, svydesign(strata = ~st, weights = ~w, data = data, ...)))
  found[[rule]] <<- data.frame(rule = rule, intercept = sprintf("%.12g", se[1]), x = sprintf("%.12g", se[2]))
}
for (rule in c("adjust", "average", "certainty")) {
  options(survey.lonely.psu = rule)
  keep(rule, data, ids = ~ea)
}
keep("fpc", data[data$st != 3, ], ids = ~ea + hid, fpc = ~f1 + f2)
write.csv(do.call(rbind, found), file.path(folder, "proxy_means_lonely.csv"), row.names = FALSE, quote = FALSE)
