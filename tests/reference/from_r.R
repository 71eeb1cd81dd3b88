# What R's survey, laeken and rpart say of the example survey: the numbers of docs/from-r.md and docs/from-stata.md.
#
# Rscript from_r.R FOLDER OUT.csv    FOLDER holds households.csv and persons.csv, which tests/test_from_r.py writes.
# Needs r-cran-survey, r-cran-laeken and r-cran-rpart.
suppressMessages({
  library(survey)
  library(laeken)
  library(rpart)
})
arguments <- commandArgs(trailingOnly = TRUE)
households <- read.csv(file.path(arguments[1], "households.csv"))
persons <- read.csv(file.path(arguments[1], "persons.csv"))

households$size <- as.vector(table(persons$hid)[as.character(households$hid)])
households$people <- households$hhweight * households$size
head <- persons[persons$relation == "Head", c("hid", "educ", "sex")]
households <- merge(households, setNames(head, c("hid", "head_educ", "head_sex")), by = "hid")
children <- tapply(persons$age <= 17, persons$hid, sum)[as.character(households$hid)]
households <- transform(
  households,
  poor = as.numeric(pc_exp < 60), gap = pmax(60 - pc_exp, 0) / 60,
  after = pc_exp + 6 * as.vector(children) / size,
  clean = as.numeric(cook_fuel %in% c("Electricity", "Gas"))
)
households$stratum <- paste(households$region, households$urbrur)
households$fall <- as.numeric(households$after < 60) - households$poor
order_of <- order(households$pc_exp)
z40 <- with(households[order_of, ], pc_exp[which(cumsum(people) / sum(people) >= 0.4)[1]])
households$bottom40 <- as.numeric(households$pc_exp <= z40)

found <- list()
keep <- function(name, value, se = NA, low = NA, high = NA, df = NA) {
  found[[length(found) + 1]] <<- data.frame(name = name, value = as.numeric(value), se = as.numeric(se),
                                            low = as.numeric(low), high = as.numeric(high), df = as.numeric(df))
}

# ---- survey

taylor <- svydesign(ids = ~ea, strata = ~stratum, weights = ~people, data = households)
design <- as.svrepdesign(taylor, type = "JKn", mse = TRUE)
df <- degf(design)
for (of in c("poor", "gap", "pc_exp", "clean", "fall")) {
  for (how in c("taylor", "jackknife")) {
    mean <- svymean(as.formula(paste0("~", of)), if (how == "taylor") taylor else design)
    ends <- confint(mean, df = df)
    keep(paste(how, of), coef(mean), SE(mean), ends[1], ends[2], df)
  }
}
logit <- svyciprop(~poor, design, method = "xlogit", df = df)
keep("logit poor", coef(logit), NA, confint(logit)[1], confint(logit)[2], df)
by <- svyby(~poor, ~region, design, svymean)
for (region in by$region) keep(paste("jackknife poor", region), by[region, "poor"], by[region, "se"])
by <- svyby(~poor, ~urbrur, design, svymean, covmat = TRUE)
contrast <- svycontrast(by, c(Rural = 1, Urban = -1))
keep("jackknife poor Rural - Urban", coef(contrast), SE(contrast))
gini_of <- function(w, data) {
  o <- order(data$pc_exp)
  x <- data$pc_exp[o]
  w <- w[o]
  sum(w * x * (2 * cumsum(w) - w)) / (sum(w) * sum(w * x)) - 1
}
gini <- withReplicates(design, gini_of)
keep("jackknife gini", coef(gini), SE(gini))
keep("median", coef(svyquantile(~pc_exp, taylor, 0.5, qrule = "math", ci = FALSE)))

# ---- laeken

keep("laeken gini", laeken::gini("pc_exp", weights = "people", data = households)$value / 100)
risk <- arpr("pc_exp", weights = "people", data = households)
keep("laeken arpr", risk$value / 100)
keep("laeken threshold", risk$threshold)
keep("laeken qsr", qsr("pc_exp", weights = "people", data = households)$value)

# ---- generalized entropy and Atkinson's index, as ineqdeco defines them

share <- households$people / sum(households$people)
ratio <- households$pc_exp / sum(share * households$pc_exp)
keep("ge0", -sum(share * log(ratio)))
keep("ge1", sum(share * ratio * log(ratio)))
keep("ge2", (sum(share * ratio^2) - 1) / 2)
keep("atkinson 1", 1 - exp(sum(share * log(ratio))))
keep("atkinson 2", 1 - 1 / sum(share / ratio))

# ---- the tree

least <- max(49, floor(nrow(households) / 11))
tree <- rpart(clean ~ bottom40 + factor(urbrur) + head_educ + factor(head_sex), data = households, weights = people,
              method = "anova", control = rpart.control(minbucket = least, minsplit = 2 * least,
                                                        cp = 1 / nrow(households), maxdepth = 6, xval = 0))
leaves <- tree$frame[tree$frame$var == "<leaf>", ]
leaves <- leaves[order(leaves$yval), ]
for (i in seq_len(nrow(leaves))) {
  keep(paste("leaf", i, "rate"), leaves$yval[i])
  keep(paste("leaf", i, "share"), leaves$wt[i] / sum(households$people))
  keep(paste("leaf", i, "n"), leaves$n[i])
}

# ---- dissimilarity and human opportunity

cell <- interaction(households$bottom40, households$urbrur, households$head_educ, households$head_sex, drop = TRUE)
weight <- tapply(households$people, cell, sum)
rate <- tapply(households$people * households$clean, cell, sum) / weight
mean <- sum(weight * rate) / sum(weight)
keep("d cells", sum(weight * abs(rate - mean)) / (2 * mean * sum(weight)))
fit <- glm(clean ~ factor(bottom40) + urbrur + factor(head_educ) + head_sex, family = quasibinomial,
           weights = people / mean(people), data = households, control = glm.control(epsilon = 1e-14))
chance <- fitted(fit)
coverage <- sum(share * chance)
d <- sum(share * abs(chance - coverage)) / (2 * coverage)
keep("coverage", coverage)
keep("d logit", d)
keep("hoi", coverage * (1 - d))

found <- do.call(rbind, found)
for (column in c("value", "se", "low", "high")) {
  found[[column]] <- ifelse(is.na(found[[column]]), "", sprintf("%.12g", found[[column]]))
}
con <- file(arguments[2], "wb")
writeLines(paste0("# R ", getRversion(), ", survey ", packageVersion("survey"), ", laeken ", packageVersion("laeken"),
                  ", rpart ", packageVersion("rpart"), "; tests/reference/from_r.R on the example survey"), con)
write.csv(found, con, row.names = FALSE, quote = FALSE, na = "")
close(con)
